"""Server-sent events out of bytes, however they were cut on their way."""

import codecs
from dataclasses import dataclass

from rag_client.errors import UnexpectedResponse

MAX_EVENT_CHARACTERS = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent:
    """An event as it was sent."""

    name: str
    data: str


class EventReader:
    """Takes pieces of a stream, gives the events that are whole; ``retry_s`` is the server's pause before the next.

    Comments are left out. Lines end with LF, CRLF or CR, as the standard has it.
    """

    def __init__(self) -> None:
        self.retry_s: float | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._name = ""
        self._data: list[str] = []
        self._characters = 0

    def feed(self, piece: bytes) -> list[ServerEvent]:
        """Return the events that end in ``piece``; raises ``UnexpectedResponse`` for one without end."""
        self._rest += self._decoder.decode(piece)
        held_back = "\r" if self._rest.endswith("\r") else ""  # its LF may come with the next piece
        lines = self._rest.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._rest = lines.pop() + held_back
        events = [event for line in lines if (event := self._line(line)) is not None]
        if self._characters + len(self._rest) > MAX_EVENT_CHARACTERS:
            raise UnexpectedResponse("The stream has an event without end.")
        return events

    def _line(self, line: str) -> ServerEvent | None:
        if not line:
            return self._ended()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._name = value
            case "data":
                self._data.append(value)
                self._characters += len(value)
            case "retry" if value.isdigit():
                self.retry_s = int(value) / 1000
            case _:  # a comment, an id, or what the standard does not know
                pass
        return None

    def _ended(self) -> ServerEvent | None:
        event = ServerEvent(name=self._name or "message", data="\n".join(self._data)) if self._data else None
        self._name, self._data, self._characters = "", [], 0
        return event
