"""The examples that ship beside the forms, and messages made for tests."""

import base64
import json
from pathlib import Path
from typing import Any

import rag_core.messages
from rag_core.messages.message import Message

ROOM = Path(rag_core.messages.__file__).parent
EXAMPLES = tuple(sorted(path.stem for path in (ROOM / "examples").glob("*.json")))
MAX_BYTES = 1024 * 1024


def example(name: str) -> Message:
    """Return a shipped example as the record that carries it."""
    given = json.loads((ROOM / "examples" / f"{name}.json").read_text(encoding="utf-8"))
    if "value_base64" in given:
        value = base64.b64decode(given["value_base64"])
    else:
        value = None if given["value"] is None else json.dumps(given["value"]).encode()
    return message(value, key=given["key"], headers=given["headers"])


def schema(name: str) -> dict[str, Any]:
    return json.loads((ROOM / "schemas" / f"{name}.json").read_text(encoding="utf-8"))


def message(value: Any, *, key: str | bytes | None = None, headers: dict[str, str] | None = None) -> Message:
    """Return a message; a value that is neither bytes nor None is sent as JSON."""
    return Message(
        topic="edits",
        partition=2,
        offset=17,
        timestamp_ms=1_700_000_000_000,
        key=key.encode() if isinstance(key, str) else key,
        value=value if isinstance(value, bytes) or value is None else json.dumps(value).encode(),
        headers=tuple((name, text.encode()) for name, text in (headers or {}).items()),
    )
