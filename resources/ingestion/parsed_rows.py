"""A parsed document as the text columns of its row, and back."""

import json
from pathlib import PurePosixPath
from typing import TypedDict

from rag_core.identity import fingerprint
from rag_core.parsed import Block, Heading, PageSpan, ParsedDocument
from rag_core.rows import DocumentRow


class ParsedColumns(TypedDict):
    """The columns of a documents row that come from the parser."""

    media_type: str
    parser: str
    parsed_title: str
    text: str
    pages: str
    headings: str
    blocks: str
    parsed_metadata: str


def encoded(document: ParsedDocument) -> ParsedColumns:
    """Return the columns that hold a parsed document."""
    return ParsedColumns(
        media_type=document.media_type,
        parser=document.parser,
        parsed_title=document.title,
        text=document.text,
        pages=_json([[page.number, page.start, page.end] for page in document.pages]),
        headings=_json([[one.level, one.text, one.start, one.end] for one in document.headings]),
        blocks=_json([[block.kind, block.start, block.end] for block in document.blocks]),
        parsed_metadata=_json(dict(document.metadata)),
    )


def parsed_of(row: DocumentRow) -> ParsedDocument:
    """Return the parsed document that a row holds, under the title that stands before its chunks."""
    return ParsedDocument(
        text=row.text,
        title=context_title(row),
        media_type=row.media_type,
        parser=row.parser,
        pages=tuple(PageSpan(number=number, start=start, end=end) for number, start, end in json.loads(row.pages)),
        headings=tuple(
            Heading(level=level, text=text, start=start, end=end)
            for level, text, start, end in json.loads(row.headings)
        ),
        blocks=tuple(Block(kind=kind, start=start, end=end) for kind, start, end in json.loads(row.blocks)),
        metadata=json.loads(row.parsed_metadata),
    )


def context_title(row: DocumentRow) -> str:
    """Return the title that is embedded with the text: empty where the file's name stands in for one.

    A name says where a copy lies. Left out, the same bytes under another name have the same vectors.
    """
    return "" if row.title == PurePosixPath(row.key).name else row.title


def made_from(row: DocumentRow) -> str:
    """Return the fingerprint of everything that chunks are cut from; equal ones give equal chunks."""
    return fingerprint([context_title(row), row.text, row.pages, row.headings, row.blocks])


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
