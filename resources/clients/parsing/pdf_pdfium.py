"""The first PDF engine: pdfium, fast and forgiving, with the size and place of each piece of text."""

# pypdfium2 ships inline types for parts of its API only.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterator, Sequence

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.pdf_content import (
    EngineRefusedError,
    OutlineEntry,
    PasswordNeededError,
    PdfContent,
    PdfLine,
)
from resources.clients.parsing.pdf_geometry import PageGeometry
from resources.clients.parsing.pdf_layout import laid_out
from resources.clients.parsing.progress import reading_page
from resources.clients.parsing.rejections import text_too_large, too_many_pages

_MAX_OUTLINE_ENTRIES = 20_000
_MIN_LOST_OBJECTS = 40
_INFO_KEYS = {
    "Title": "title",
    "Author": "author",
    "Subject": "subject",
    "Keywords": "keywords",
    "Creator": "creator",
    "Producer": "producer",
    "CreationDate": "created",
    "ModDate": "modified",
}


def read_with_pdfium(data: bytes, passwords: Sequence[str], limits: ParseLimits) -> PdfContent:
    """Return every page's lines; raises ``EngineRefusedError``, ``PasswordNeededError`` or ``DocumentRejected``."""
    document = _opened(data, passwords)
    try:
        count = len(document)
        if count > limits.max_pages:
            raise too_many_pages(count, limits.max_pages)
        pages: list[tuple[PdfLine, ...]] = []
        failed: list[int] = []
        size = 0
        for index in range(count):
            if index + 1 in limits.skipped_pages:
                failed.append(index + 1)
                pages.append(())
                continue
            reading_page(index + 1)
            try:
                lines = _page_lines(document, index)
            except (pdfium.PdfiumError, UnicodeError):
                failed.append(index + 1)
                lines = ()
            size += sum(len(line.text) for line in lines)
            if size > limits.max_text_bytes:
                raise text_too_large(limits.max_text_bytes)
            pages.append(lines)
        reading_page(0)
        return PdfContent(
            engine="pdfium",
            pages=tuple(pages),
            outline=tuple(_outline(document, count)),
            info=_info(document),
            failed_pages=tuple(failed),
        )
    finally:
        document.close()


def _opened(data: bytes, passwords: Sequence[str]) -> pdfium.PdfDocument:
    for password in passwords:
        try:
            return pdfium.PdfDocument(data, password=password or None)
        except pdfium.PdfiumError as error:
            if error.err_code != raw.FPDF_ERR_PASSWORD:
                raise EngineRefusedError(f"pdfium: {error}") from None
    raise PasswordNeededError


def _page_lines(document: pdfium.PdfDocument, index: int) -> tuple[PdfLine, ...]:
    page = document[index]
    try:
        text_page = page.get_textpage()
        try:
            if _has_lost_its_text(page, text_page):
                raise pdfium.PdfiumError("text objects without characters")
            return laid_out(list(PageGeometry(text_page).rows(text_page.get_text_range())))
        finally:
            text_page.close()
    finally:
        page.close()


def _has_lost_its_text(page: pdfium.PdfPage, text_page: pdfium.PdfTextPage) -> bool:
    """Notice a page of text in a font that pdfium cannot map: hundreds of text objects, a handful of characters."""
    objects = raw.FPDFPage_CountObjects(page)
    if objects < _MIN_LOST_OBJECTS or text_page.count_chars() * 2 >= objects:
        return False
    kinds = (raw.FPDFPageObj_GetType(raw.FPDFPage_GetObject(page, at)) for at in range(objects))
    return text_page.count_chars() * 2 < sum(kind == raw.FPDF_PAGEOBJ_TEXT for kind in kinds)


def _outline(document: pdfium.PdfDocument, page_count: int) -> Iterator[OutlineEntry]:
    try:
        for number, bookmark in enumerate(document.get_toc(max_depth=6)):
            if number >= _MAX_OUTLINE_ENTRIES:
                return
            target = bookmark.get_dest()
            page = target.get_index() if target is not None else None
            if page is not None and 0 <= page < page_count:
                yield OutlineEntry(level=bookmark.level + 1, title=bookmark.get_title(), page=page)
    except (pdfium.PdfiumError, UnicodeError):
        return  # a broken outline costs headings, not the text


def _info(document: pdfium.PdfDocument) -> dict[str, str]:
    info: dict[str, str] = {}
    for key, name in _INFO_KEYS.items():
        try:
            value = document.get_metadata_value(key)
        except UnicodeError:
            continue
        if value.strip():
            info[name] = value
    return info
