"""A multipart body as it streams by: the beginning, the bytes and the end of each part, never a whole part."""

from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from query_api.uploading.refusals import UploadRefused

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_MAX_HEADERS = 8
_MAX_HEADER_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class PartBegin:
    """A part begins; ``filename`` is None for a plain form field."""

    name: str
    filename: str | None
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartData:
    """Some bytes of the part that began last."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The part that began last is whole."""


PartEvent = PartBegin | PartData | PartEnd


async def parts_of(content_type: str, body: AsyncIterable[bytes]) -> AsyncGenerator[PartEvent]:
    """Yield a body's parts; raises ``UploadRefused`` (415, 422) for what is not a complete multipart body."""
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser

    seen = _Seen()
    try:
        parser = MultipartParser(
            _boundary(content_type), seen.callbacks(), max_header_count=_MAX_HEADERS, max_header_size=_MAX_HEADER_BYTES
        )
        async for chunk in body:
            if chunk:
                parser.write(chunk)
                for event in seen.taken():
                    yield event
    except FormParserError as error:
        raise _malformed(str(error)) from error
    if not seen.is_complete:
        raise _malformed("it ends before its last boundary")


@dataclass(slots=True)
class _Seen:
    """What the parser has called back since it was asked last."""

    events: list[PartEvent] = field(default_factory=list[PartEvent])
    is_complete: bool = False
    _headers: dict[str, str] = field(default_factory=dict[str, str])
    _name: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)

    def taken(self) -> list[PartEvent]:
        events, self.events = self.events, []
        return events

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._headers.clear,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header,
            "on_headers_finished": self._begin,
            "on_part_data": lambda data, start, end: self.events.append(PartData(data=bytes(data[start:end]))),
            "on_part_end": lambda: self.events.append(PartEnd()),
            "on_end": self._end,
        }

    def _header(self) -> None:
        # Names of files come as UTF-8 (RFC 7578); surrogateescape keeps what is not, for the name's check to refuse.
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode("utf-8", "surrogateescape")
        self._name.clear()
        self._value.clear()

    def _begin(self) -> None:
        options = _options(self._headers.get("content-disposition", ""))
        self.events.append(
            PartBegin(
                name=options.get("name", ""),
                filename=options.get("filename"),
                content_type=self._headers.get("content-type", "").partition(";")[0].strip().lower(),
            )
        )

    def _end(self) -> None:
        self.is_complete = True


def _boundary(content_type: str) -> bytes:
    kind, options = content_type.partition(";")[0].strip().lower(), _options(content_type)
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise UploadRefused(
            415, "Files are sent as multipart/form-data.", remedy='Send them as a form, as curl -F "file=@NAME" does.'
        )
    return options["boundary"].encode("latin-1", "replace")


def _options(header: str) -> dict[str, str]:
    """Return a header's parameters, quotes taken off; browsers write a quote inside a name as ``%22``."""
    options: dict[str, str] = {}
    rest = header.partition(";")[2]
    while rest:
        name, _, rest = rest.lstrip().partition("=")
        if rest.startswith('"'):
            value, at = "", 1
            while at < len(rest) and rest[at] != '"':
                at += rest[at] == "\\" and rest[at + 1 : at + 2] in {'"', "\\"}
                value += rest[at : at + 1]
                at += 1
            rest = rest[at + 1 :].partition(";")[2]
        else:
            value, _, rest = rest.partition(";")
            value = value.strip()
        options.setdefault(name.strip().lower(), value.replace("%22", '"'))
    return options


def _malformed(why: str) -> UploadRefused:
    return UploadRefused(
        422, f"The multipart body is malformed: {why[:200]}.", remedy="Send it again.", ends_request=True
    )
