"""From a PDF's lines to one text with pages and headings."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rag_core.parsed import JsonValue, ParsedDocument
from rag_core.text_cleaning import LINE_END_HYPHEN, clean_line, clean_printed_line, hyphen_joiner, words_of
from resources.clients.parsing.pdf_content import PdfContent, PdfLine
from resources.clients.parsing.pdf_headings import CONTINUES, heading_levels
from resources.clients.parsing.pdf_margins import without_margins
from resources.clients.parsing.text_builder import TextBuilder
from resources.clients.parsing.titles import chosen_title
from resources.clients.parsing.versions import PARSER_VERSIONS, PDF

_PDF_DATE = re.compile(r"D?:?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:([+-])(\d\d)'?(\d\d)?)?", re.ASCII)
_SENTENCE_ENDS = frozenset(".!?:;\"'”’)]}…。！？")
_MAX_WARNINGS = 50


def assembled(content: PdfContent, *, name: str, max_text_bytes: int) -> ParsedDocument:
    """Return one text; lines stay lines, paragraphs, tables and headings are set apart by blank lines.

    A page's span holds its lines and no separator; an empty page has an empty span.
    """
    content = replace(content, pages=without_margins(content.pages))
    raw = content.raw_text()
    assembly = _Assembly(
        builder=TextBuilder(max_bytes=max_text_bytes),
        join_hyphens=hyphen_joiner(words_of(raw) if LINE_END_HYPHEN in raw else frozenset()),
    )
    builder = assembly.builder
    for number, (lines, levels) in enumerate(zip(content.pages, heading_levels(content), strict=True), start=1):
        with builder.page(number):
            assembly.add_page(lines, levels, last_before=content.pages[number - 2][-1:] if number > 1 else ())
    text = builder.text()
    return ParsedDocument(
        text=text,
        title=chosen_title(stated=content.info.get("title"), headings=builder.headings, text=text, name=name),
        media_type=PDF,
        parser=PARSER_VERSIONS[PDF],
        pages=tuple(builder.pages),
        headings=tuple(builder.headings),
        blocks=tuple(builder.blocks),
        metadata=_metadata(content),
    )


@dataclass(slots=True, kw_only=True)
class _Assembly:
    """Appends pages line by line."""

    builder: TextBuilder
    join_hyphens: Callable[[str], str]
    _table_start: int = -1

    def add_page(self, lines: Sequence[PdfLine], levels: Sequence[int], *, last_before: Sequence[PdfLine]) -> None:
        """Append a page; ``last_before`` is the last line of the page in front of it."""
        builder = self.builder
        is_first, below_heading = True, False
        for line, level in zip(lines, levels, strict=True):
            text = clean_printed_line(self.join_hyphens(line.text))
            if not text:
                continue
            if level or not line.is_table_row or line.starts_paragraph:
                self._end_table()
            if level == CONTINUES and below_heading:
                builder.extend_heading(text)
            elif level > 0:
                builder.add_heading(text, level=level)
            else:
                apart = not _runs_on(last_before, text) if is_first else line.starts_paragraph or below_heading
                start, _ = builder.add(text, separator="\n\n" if apart else "\n")
                if line.is_table_row and self._table_start < 0:
                    self._table_start = start
            is_first, below_heading = False, level != 0
        self._end_table()

    def _end_table(self) -> None:
        if self._table_start >= 0:
            self.builder.mark_block(self._table_start, len(self.builder), kind="table")
            self._table_start = -1


def _runs_on(last_before: Sequence[PdfLine], text: str) -> bool:
    """Say whether a page's first line goes on with the sentence that the page before it left open."""
    last = last_before[-1].text.rstrip() if last_before else ""
    return bool(last) and last[-1] not in _SENTENCE_ENDS and text[0].islower()


def _metadata(content: PdfContent) -> dict[str, JsonValue]:
    metadata: dict[str, JsonValue] = {}
    for key, value in content.info.items():
        words = clean_line(value)[:2000]
        if key in {"created", "modified"}:
            words = _iso_time(words)
        if words:
            metadata[key] = words
    metadata["engine"] = content.engine
    metadata["page_count"] = len(content.pages)
    if content.failed_pages:
        metadata["failed_pages"] = list(content.failed_pages)
        metadata["warnings"] = [f"page {page} could not be read" for page in content.failed_pages[:_MAX_WARNINGS]]
    return metadata


def _iso_time(words: str) -> str:
    """Return a PDF's date (``D:20240131093000+01'00'``) in ISO 8601, or nothing if it is none."""
    match = _PDF_DATE.match(words)
    if match is None:
        return ""
    year, month, day, hour, minute, second, sign, zone_hour, zone_minute = match.groups()
    zone = f"{sign}{zone_hour}:{zone_minute or '00'}" if sign and zone_hour else "+00:00"
    try:
        moment = datetime.fromisoformat(
            f"{year}-{month or '01'}-{day or '01'}T{hour or '00'}:{minute or '00'}:{second or '00'}{zone}"
        )
    except ValueError:
        return ""
    return moment.isoformat()
