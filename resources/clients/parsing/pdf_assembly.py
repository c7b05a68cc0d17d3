"""From a PDF's lines to one text with pages and headings."""

from rag_core.parsed import JsonValue, PageSpan, ParsedDocument
from rag_core.text_cleaning import LINE_END_HYPHEN, clean_line, clean_printed_line, hyphen_joiner, words_of
from resources.clients.parsing.pdf_content import PdfContent
from resources.clients.parsing.pdf_headings import heading_levels
from resources.clients.parsing.text_builder import TextBuilder
from resources.clients.parsing.titles import chosen_title
from resources.clients.parsing.versions import PARSER_VERSIONS, PDF

_SENTENCE_ENDS = frozenset(".!?:;\"'”’)]}…。！？")


def assembled(content: PdfContent, *, name: str, max_text_bytes: int) -> ParsedDocument:
    """Return one text; lines stay lines, paragraphs and headings are set apart by blank lines.

    A page's span holds its lines and no separator; an empty page has an empty span.
    """
    raw = content.raw_text()
    join_hyphens = hyphen_joiner(words_of(raw) if LINE_END_HYPHEN in raw else frozenset())
    builder = TextBuilder(max_bytes=max_text_bytes)
    pages: list[PageSpan] = []
    for number, (lines, levels) in enumerate(zip(content.pages, heading_levels(content), strict=True), start=1):
        start, previous_level = -1, 0
        for line, level in zip(lines, levels, strict=True):
            text = clean_printed_line(join_hyphens(line.text))
            if not text:
                continue
            first = start < 0
            if first:
                apart = level > 0 or not _runs_on(content, number, text)
            else:
                apart = line.starts_paragraph or level != previous_level
            separator = "\n\n" if apart else "\n"
            if level and level == previous_level and not apart:
                builder.extend_heading(text)
            elif level:
                builder.add_heading(text, level=level, separator=separator)
            else:
                builder.add(text, separator=separator)
            start = len(builder) - len(text) if first else start
            previous_level = level
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


def _runs_on(content: PdfContent, number: int, text: str) -> bool:
    """Say whether a page's first line goes on with the sentence that the page before it left open."""
    before = content.pages[number - 2] if number > 1 else ()
    last = before[-1].text.rstrip() if before else ""
    return bool(last) and last[-1] not in _SENTENCE_ENDS and text[0].islower()


def _metadata(content: PdfContent) -> dict[str, JsonValue]:
    metadata: dict[str, JsonValue] = {key: clean_line(value)[:2000] for key, value in content.info.items()}
    metadata = {key: value for key, value in metadata.items() if value}
    metadata["engine"] = content.engine
    metadata["page_count"] = len(content.pages)
    if content.failed_pages:
        metadata["failed_pages"] = list(content.failed_pages)
    return metadata
