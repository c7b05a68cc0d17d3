"""From a PDF's lines to one text with pages and headings."""

import re
from collections import Counter
from dataclasses import replace
from datetime import datetime

from rag_core.parsed import JsonValue, PageSpan, ParsedDocument
from rag_core.text_cleaning import LINE_END_HYPHEN, clean_line, clean_printed_line, hyphen_joiner, words_of
from resources.clients.parsing.pdf_content import PdfContent, PdfLine
from resources.clients.parsing.pdf_headings import CONTINUES, heading_levels
from resources.clients.parsing.text_builder import TextBuilder
from resources.clients.parsing.titles import chosen_title
from resources.clients.parsing.versions import PARSER_VERSIONS, PDF

Pages = tuple[tuple[PdfLine, ...], ...]

_MAX_DIGITS = 5
_PDF_DATE = re.compile(r"D?:?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:([+-])(\d\d)'?(\d\d)?)?", re.ASCII)
_SENTENCE_ENDS = frozenset(".!?:;\"'”’)]}…。！？")


def assembled(content: PdfContent, *, name: str, max_text_bytes: int) -> ParsedDocument:
    """Return one text; lines stay lines, paragraphs and headings are set apart by blank lines.

    A page's span holds its lines and no separator; an empty page has an empty span.
    """
    content = replace(content, pages=without_page_numbers(content.pages))
    raw = content.raw_text()
    join_hyphens = hyphen_joiner(words_of(raw) if LINE_END_HYPHEN in raw else frozenset())
    builder = TextBuilder(max_bytes=max_text_bytes)
    pages: list[PageSpan] = []
    for number, (lines, levels) in enumerate(zip(content.pages, heading_levels(content), strict=True), start=1):
        start, below_heading = -1, False
        for line, level in zip(lines, levels, strict=True):
            text = clean_printed_line(join_hyphens(line.text))
            if not text:
                continue
            first = start < 0
            if level == CONTINUES and below_heading:
                builder.extend_heading(text)
            elif level > 0:
                builder.add_heading(text, level=level)
            else:
                apart = not _runs_on(content, number, text) if first else line.starts_paragraph or below_heading
                builder.add(text, separator="\n\n" if apart else "\n")
            start = len(builder) - len(text) if first else start
            below_heading = level != 0
        pages.append(PageSpan(number=number, start=len(builder) if start < 0 else start, end=len(builder)))
    text = builder.text()
    return ParsedDocument(
        text=text,
        title=chosen_title(stated=content.info.get("title"), headings=builder.headings, text=text, name=name),
        media_type=PDF,
        parser=PARSER_VERSIONS[PDF],
        pages=tuple(pages),
        headings=tuple(builder.headings),
        metadata=_metadata(content),
    )


def without_page_numbers(pages: Pages) -> Pages:
    """Return the pages without the lines at their top or bottom that only count the pages."""
    for edge in (0, -1):
        numbered = {
            at: int(number) - at
            for at, page in enumerate(pages)
            if page
            and (number := page[edge].text.strip()).isascii()
            and number.isdigit()
            and len(number) <= _MAX_DIGITS
        }
        offset, count = Counter(numbered.values()).most_common(1)[0] if numbered else (0, 0)
        if count < 2 or count * 2 < len(pages):
            continue
        kept = slice(1, None) if edge == 0 else slice(None, -1)
        pages = tuple(page[kept] if numbered.get(at) == offset else page for at, page in enumerate(pages))
    return pages


def _runs_on(content: PdfContent, number: int, text: str) -> bool:
    """Say whether a page's first line goes on with the sentence that the page before it left open."""
    before = content.pages[number - 2] if number > 1 else ()
    last = before[-1].text.rstrip() if before else ""
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
