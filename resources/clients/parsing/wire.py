"""The language between sandbox and worker: a length, a JSON header, raw bytes.

Nothing here can run code of the other side: the worker has read hostile bytes and its answers are checked like them.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Literal, cast

from rag_core.errors import DocumentRejected, QuarantineKind
from rag_core.parsed import Block, Heading, JsonValue, PageSpan, ParsedDocument

LENGTHS = struct.Struct(">IQ")  # bytes of header, bytes of body
MAX_HEADER_BYTES = 64 * 1024 * 1024


class NonsenseError(ValueError):
    """The other side sent something that no honest side sends."""


def packed_header(header: Mapping[str, object], body_bytes: int) -> bytes:
    """Return the bytes that go in front of a body."""
    encoded = json.dumps(header, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()
    return LENGTHS.pack(len(encoded), body_bytes) + encoded


def unpacked_header(encoded: bytes) -> dict[str, JsonValue]:
    """Return a header; raises ``NonsenseError``."""
    try:
        header: object = json.loads(encoded, parse_constant=_refused_constant)
    except (ValueError, RecursionError) as error:
        raise NonsenseError("the header is not JSON") from error
    return _mapping(header)


def document_header(document: ParsedDocument) -> dict[str, object]:
    """Return everything of a document but its text."""
    return {
        "title": document.title,
        "media_type": document.media_type,
        "parser": document.parser,
        "pages": [(page.number, page.start, page.end) for page in document.pages],
        "headings": [(heading.level, heading.text, heading.start, heading.end) for heading in document.headings],
        "blocks": [(block.kind, block.start, block.end) for block in document.blocks],
        "metadata": dict(document.metadata),
    }


def rejection_header(rejected: DocumentRejected) -> dict[str, object]:
    """Return a rejection as a header."""
    return {"rejected": {"kind": rejected.kind.value, "message": rejected.message, "remedy": rejected.remedy}}


def received(header: Mapping[str, JsonValue], body: bytes) -> ParsedDocument | DocumentRejected:
    """Return what a worker answered; raises ``NonsenseError`` for types or offsets that cannot be."""
    try:
        if "rejected" in header:
            said = _mapping(header["rejected"])
            kind = QuarantineKind(_text(said["kind"]))
            return DocumentRejected(kind, _text(said["message"])[:2000], remedy=_text(said["remedy"])[:2000])
        text = body.decode()
        end = len(text)
        return ParsedDocument(
            text=text,
            title=_text(header["title"]),
            media_type=_text(header["media_type"]),
            parser=_text(header["parser"]),
            pages=tuple(_page(row, end) for row in _rows(header["pages"])),
            headings=tuple(_heading(row, end) for row in _rows(header["headings"])),
            blocks=tuple(_block(row, end) for row in _rows(header["blocks"])),
            metadata=_mapping(header["metadata"]),
        )
    except (KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
        raise NonsenseError(f"the answer is malformed ({type(error).__name__})") from error


def _page(row: Sequence[JsonValue], text_end: int) -> PageSpan:
    start, end = _span(row[1], row[2], text_end)
    return PageSpan(number=_whole(row[0]), start=start, end=end)


def _heading(row: Sequence[JsonValue], text_end: int) -> Heading:
    start, end = _span(row[2], row[3], text_end)
    return Heading(level=min(max(_whole(row[0]), 1), 6), text=_text(row[1]), start=start, end=end)


def _block(row: Sequence[JsonValue], text_end: int) -> Block:
    if row[0] not in {"code", "table"}:
        raise NonsenseError("unknown kind of block")
    start, end = _span(row[1], row[2], text_end)
    return Block(kind=cast("Literal['code', 'table']", row[0]), start=start, end=end)


def _span(start: JsonValue, end: JsonValue, text_end: int) -> tuple[int, int]:
    first, last = _whole(start), _whole(end)
    if not 0 <= first <= last <= text_end:
        raise NonsenseError("a span lies outside the text")
    return first, last


def _whole(value: JsonValue) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise NonsenseError("not a whole number")
    return value


def _text(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise NonsenseError("not a text")
    value.encode()  # lone surrogates would break every later writer
    return value


def _rows(value: JsonValue) -> list[list[JsonValue]]:
    if not isinstance(value, list) or not all(isinstance(row, list) for row in value):
        raise NonsenseError("not a list of rows")
    return cast("list[list[JsonValue]]", value)


def _mapping(value: object) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        raise NonsenseError("not a mapping")
    return cast("dict[str, JsonValue]", value)


def _refused_constant(name: str) -> float:
    raise NonsenseError(f"{name} is no JSON")
