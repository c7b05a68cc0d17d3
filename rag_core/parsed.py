"""What a parser hands to the chunker: one text and the places in it.

Every place is a pair of character offsets into ``ParsedDocument.text``, so a chunk, a page and a heading
can be compared without searching, and a citation's span always quotes the text that was indexed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSpan:
    """Page ``number`` (from 1) of the source is ``text[start:end]``."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading of ``level`` 1 to 6; its line is ``text[start:end]`` and ``text`` is its words without markup."""

    level: int
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A stretch of text that reads badly in pieces; the chunker keeps it whole where it fits."""

    kind: Literal["code", "table"]
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDocument:
    """The text of one document with its pages, headings and blocks in reading order.

    ``parser`` names the program and its version ("pdfium/1"); ``metadata`` is plain JSON (front matter, PDF info).
    """

    text: str
    title: str
    media_type: str
    parser: str
    pages: tuple[PageSpan, ...] = ()
    headings: tuple[Heading, ...] = ()
    blocks: tuple[Block, ...] = ()
    metadata: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
