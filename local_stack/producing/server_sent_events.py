"""Server-sent events as they come over the wire (WHATWG HTML, section 9.2): bytes in, whole events out.

What an event or a line may take is bounded; an event that is larger is told of without its data.
"""

import re
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MAX_ID_BYTES = 16 * 1024
_NO_ID = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_MAX_RETRY_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    """An event; ``data`` is None where it was larger than allowed. ``id`` is the last one that the server gave."""

    id: bytes
    kind: str
    data: bytes | None


class EventParser:
    """Turns one connection's bytes after the other's into events; an event cut off by a connection's end is none."""

    def __init__(self, *, max_event_bytes: int, last_event_id: bytes = b"") -> None:
        self._max_bytes = max_event_bytes
        self.last_event_id = last_event_id
        self.retry_ms: int | None = None
        self.begin()

    def begin(self) -> None:
        """Begin a new connection: what the one before left unfinished will come again."""
        self._rest = bytearray()
        self._rest_is_cut = False
        self._expects_line_feed = False
        self._is_first_line = True
        self._id = self.last_event_id
        self._clear()

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Return the events that these bytes complete."""
        if self._expects_line_feed and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._expects_line_feed = False
        if not chunk:
            return []
        self._expects_line_feed = chunk.endswith(b"\r")
        found: list[ServerSentEvent] = []
        *ended, begun = _LINE_END.split(chunk)
        for piece in ended:
            self._keep(piece)
            event = self._line(bytes(self._rest))
            if event is not None:
                found.append(event)
            self._rest.clear()
            self._rest_is_cut = False
        self._keep(begun)
        return found

    def _keep(self, piece: bytes) -> None:
        room = self._max_bytes + len(b"data: ") + len(_BYTE_ORDER_MARK) - len(self._rest)
        self._rest += piece[:room]
        self._rest_is_cut = self._rest_is_cut or len(piece) > room

    def _line(self, line: bytes) -> ServerSentEvent | None:
        if self._is_first_line:
            line = line.removeprefix(_BYTE_ORDER_MARK)
            self._is_first_line = False
        if not line:
            return self._event()
        name, _, value = line.partition(b":")
        self._field(name, value.removeprefix(b" "))  # a comment's name is empty
        return None

    def _field(self, name: bytes, value: bytes) -> None:
        if name == b"data":
            self._data.append(value)
            self._data_bytes += len(value) + 1
            if self._rest_is_cut or self._data_bytes - 1 > self._max_bytes:
                self._is_too_large = True
                self._data.clear()
        elif name == b"event":
            self._kind = value[:100].decode("utf-8", "replace")
        elif name == b"id" and len(value) <= _MAX_ID_BYTES and not _NO_ID.search(value):
            self._id = value
        elif name == b"retry" and value.isdigit() and len(value) <= _MAX_RETRY_DIGITS:
            self.retry_ms = int(value)

    def _event(self) -> ServerSentEvent | None:
        """Return the event that a blank line ends, None where it has no data; its id counts either way."""
        self.last_event_id = self._id
        data, kind, is_too_large = self._data, self._kind or "message", self._is_too_large
        self._clear()
        if is_too_large:
            return ServerSentEvent(id=self._id, kind=kind, data=None)
        return ServerSentEvent(id=self._id, kind=kind, data=b"\n".join(data)) if data else None

    def _clear(self) -> None:
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._is_too_large = False
        self._kind = ""
