"""Log lines of the processes that watch and listen: one JSON object each."""

import json
import logging
from datetime import UTC, datetime

_log = logging.getLogger("rag.watcher")


def say(event: str, *, level: int = logging.INFO, **fields: object) -> None:
    """Log one line of JSON."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    _log.log(level, json.dumps({"at": at, "level": logging.getLevelName(level).lower(), "event": event, **fields}))
