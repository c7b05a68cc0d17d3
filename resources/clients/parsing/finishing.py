"""The last step of the parsers: is there text, can it be read, what is its title."""

from collections.abc import Mapping, Sequence

from rag_core.parsed import JsonValue, ParsedDocument
from rag_core.text_cleaning import clean_line
from resources.clients.parsing.quality import has_text, unreadable_because
from resources.clients.parsing.rejections import no_text, unreadable
from resources.clients.parsing.text_builder import TextBuilder
from resources.clients.parsing.titles import chosen_title
from resources.clients.parsing.versions import PARSER_VERSIONS

_MAX_WARNINGS = 50


def finished(
    builder: TextBuilder,
    *,
    media_type: str,
    what: str,
    name: str,
    stated_title: object = None,
    metadata: Mapping[str, JsonValue],
    warnings: Sequence[str] = (),
) -> ParsedDocument:
    """Return the document that a builder holds; raises ``DocumentRejected`` (no text, unreadable).

    ``what`` begins the sentence "… holds no text."; warnings say what of the document was lost.
    """
    text = builder.text()
    if not has_text(text):
        raise no_text(what)
    reason = unreadable_because(text)
    if reason:
        raise unreadable(f"Its text cannot be read: {reason}.")
    said = dict(metadata)
    if warnings:
        said["warnings"] = [clean_line(warning)[:300] for warning in warnings[:_MAX_WARNINGS]]
    return ParsedDocument(
        text=text,
        title=chosen_title(stated=stated_title, headings=builder.headings, text=text, name=name),
        media_type=media_type,
        parser=PARSER_VERSIONS[media_type],
        pages=tuple(builder.pages),
        headings=tuple(builder.headings),
        blocks=tuple(builder.blocks),
        metadata=said,
    )


def table_lines(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as lines of text; empty rows and empty cells at a row's end are left out."""
    lines: list[str] = []
    for row in rows:
        cells = list(row)
        while cells and not cells[-1]:
            cells.pop()
        if any(cells):
            lines.append(" | ".join(cells))
    return "\n".join(lines)
