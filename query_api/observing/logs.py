"""The server's log: a line of text for a terminal, a JSON object for machines; uvicorn's own lines in the same form.

Every line written while a request is answered carries the request's id and its trace.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any, Literal, cast

from query_api.correlation import request_id, trace_parent
from rag_core.traces import trace_id


def log_config(form: Literal["json", "text"]) -> dict[str, Any]:
    """Return the configuration of logging: everything to standard error, requests from INFO, the rest from WARNING."""
    formatter = {"()": JsonLine if form == "json" else TextLine}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {"query_api.access": {"level": "INFO"}},
    }


class JsonLine(logging.Formatter):
    """One JSON object a line: ``time``, ``level``, ``logger``, ``message``, ids, a request's fields, ``exception``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_ids(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _JSON.encode(line)


class TextLine(logging.Formatter):
    """A line for people: time, level, message, and of a request its time and ids."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line, with the exception below it."""
        told = {name: value for name, value in {**_fields(record), **_ids()}.items() if name not in _IN_MESSAGE}
        details = "".join(f" {name}={value}" for name, value in told.items() if value != "")
        line = f"{_time(record)} {record.levelname} {record.name}: {record.getMessage()}{details}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


_JSON = json.JSONEncoder(default=str)  # one for all lines: making one costs more than writing one
_IN_MESSAGE = frozenset({"method", "route", "status"})


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _ids() -> dict[str, str]:
    identity, trace = request_id.get(), trace_id(trace_parent.get())
    found = {"request_id": identity, "trace_id": trace}
    return {name: value for name, value in found.items() if value}


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return cast("dict[str, Any]", getattr(record, "fields", {}))
