"""The first PDF engine: pdfium, fast and forgiving, with the size and place of each line."""

# pypdfium2 ships inline types for parts of its API only.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import ctypes
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

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
from resources.clients.parsing.rejections import text_too_large, too_many_pages

_MAX_OUTLINE_ENTRIES = 20_000
_PARAGRAPH_GAP_RATIO = 1.3
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
            try:
                lines = _page_lines(document, index)
            except (pdfium.PdfiumError, UnicodeError):
                failed.append(index + 1)
                lines = ()
            size += sum(len(line.text) for line in lines)
            if size > limits.max_text_bytes:
                raise text_too_large(limits.max_text_bytes)
            pages.append(lines)
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
            return _placed_lines(text_page, text_page.get_text_range())
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


def _placed_lines(text_page: pdfium.PdfTextPage, text: str) -> tuple[PdfLine, ...]:
    """Split a page's text into lines and find out which begin a paragraph: those with more white space above."""
    lines: list[tuple[str, float, float, float]] = []  # text, size, first baseline, last baseline
    at = 0
    for line in text.split("\r\n"):
        if line.strip():
            first = at + len(line) - len(line.lstrip())
            last = at + len(line.rstrip()) - 1
            size, top = _size_and_baseline(text_page, first)
            bottom = _size_and_baseline(text_page, last)[1] if "\ufffe" in line else top
            lines.append((line, size, top, bottom))
        at += len(line) + 2
    gaps = [above[3] - below[2] for above, below in pairwise(lines)]
    usual = median([gap for gap in gaps if gap > 0] or [0.0])
    placed: list[PdfLine] = []
    for i, (line, size, _, _) in enumerate(lines):
        wide = i > 0 and usual > 0 and gaps[i - 1] > _PARAGRAPH_GAP_RATIO * usual
        placed.append(PdfLine(text=line, size=size, starts_paragraph=wide))
    return tuple(placed)


def _size_and_baseline(text_page: pdfium.PdfTextPage, text_index: int) -> tuple[float, float]:
    """Return a character's height in points and the height of its baseline on the page; zeros if unknown."""
    index = raw.FPDFText_GetCharIndexFromTextIndex(text_page, text_index)
    if index < 0:
        return 0.0, 0.0
    x, y, matrix = ctypes.c_double(), ctypes.c_double(), raw.FS_MATRIX()
    if not raw.FPDFText_GetCharOrigin(text_page, index, x, y):
        return 0.0, 0.0
    scale = abs(matrix.d) or abs(matrix.b) if raw.FPDFText_GetMatrix(text_page, index, matrix) else 1.0
    return raw.FPDFText_GetFontSize(text_page, index) * scale, y.value


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
