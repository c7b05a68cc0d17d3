"""PDF: pdfium first; pypdf where pdfium refuses a file or what it reads makes no sense."""

from collections.abc import Sequence
from dataclasses import replace

from rag_core.errors import DocumentRejected, QuarantineKind
from rag_core.parsed import ParsedDocument
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.media_types import Claims
from resources.clients.parsing.pdf_assembly import assembled
from resources.clients.parsing.pdf_content import EngineRefusedError, PasswordNeededError, PdfContent
from resources.clients.parsing.pdf_pdfium import read_with_pdfium
from resources.clients.parsing.pdf_pypdf import read_with_pypdf
from resources.clients.parsing.quality import garbled_because, has_text, unreadable_because
from resources.clients.parsing.rejections import no_text, unreadable

_ENGINES = (read_with_pdfium, read_with_pypdf)


def parse_pdf(data: bytes, claims: Claims, passwords: Sequence[str], limits: ParseLimits) -> ParsedDocument:
    """Return a PDF's text with page spans; a page that fails costs that page and is named in ``failed_pages``.

    The metadata says under ``engine`` which program read it. Raises ``DocumentRejected``: password required,
    no text, unreadable, too large.
    """
    tried = ("", *(password for password in passwords if password))
    refusals: list[str] = []
    unusable: list[tuple[PdfContent, str]] = []
    for read in _ENGINES:
        try:
            content = read(data, tried, limits)
        except EngineRefusedError as error:
            refusals.append(str(error))
            continue
        except PasswordNeededError:
            raise _password_required(len(tried) - 1) from None
        readable, reason = _without_garbled_pages(content)
        if has_text(readable.raw_text()):
            reason = unreadable_because(readable.raw_text())
            if reason is None:
                whole = _with_pages_read_again(readable, data, tried, limits)
                return assembled(whole, name=claims.name, max_text_bytes=limits.max_text_bytes)
        unusable.append((content, reason or ""))
    raise _rejection(unusable, refusals)


def _without_garbled_pages(content: PdfContent) -> tuple[PdfContent, str | None]:
    """Return the content with pages that make no sense counted as failed, and why the first of them makes none."""
    reasons = {at: reason for at in range(len(content.pages)) if (reason := garbled_because(content.page_text(at)))}
    if not reasons:
        return content, None
    pages = tuple(() if at in reasons else page for at, page in enumerate(content.pages))
    failed = sorted({*content.failed_pages, *(at + 1 for at in reasons)})
    return replace(content, pages=pages, failed_pages=tuple(failed)), next(iter(reasons.values()))


def _with_pages_read_again(
    content: PdfContent, data: bytes, passwords: Sequence[str], limits: ParseLimits
) -> PdfContent:
    """Return the content with the pages that failed as the second engine reads them, where it can."""
    if not content.failed_pages or content.engine == "pypdf":
        return content
    try:
        again = read_with_pypdf(
            data, passwords, limits, only=frozenset(content.failed_pages) - set(limits.skipped_pages)
        )
    except (EngineRefusedError, PasswordNeededError):
        return content
    readable, _ = _without_garbled_pages(again)
    if len(readable.pages) != len(content.pages):
        return content
    found = {number for number in content.failed_pages if readable.pages[number - 1]}
    pages = tuple(readable.pages[at] if at + 1 in found else page for at, page in enumerate(content.pages))
    return replace(content, pages=pages, failed_pages=tuple(n for n in content.failed_pages if n not in found))


def _rejection(unusable: Sequence[tuple[PdfContent, str]], refusals: Sequence[str]) -> DocumentRejected:
    reasons = [reason for _, reason in unusable if reason]
    if reasons:
        return unreadable(
            f"Its text cannot be read: {reasons[0]}.",
            remedy="Export it again with Unicode fonts, or run OCR on it (for example `ocrmypdf --force-ocr`).",
        )
    if unusable:
        content = unusable[0][0]
        if content.failed_pages and len(content.failed_pages) == len(content.pages):
            return unreadable("None of its pages can be read.")
        count = len(content.pages)
        return no_text(f"The PDF ({count} page{'s' if count != 1 else ''})", may_be_scan=True)
    return unreadable(f"No PDF parser can open it ({'; '.join(refusals)}).")


def _password_required(given: int) -> DocumentRejected:
    known = f"none of the {given} known passwords opens it" if given else "no password is known for it"
    return DocumentRejected(
        QuarantineKind.PASSWORD_REQUIRED,
        f"It is encrypted and {known}.",
        remedy="Name a variable with its password in pdf_passwords of the collection's file, start the stack again "
        "with that variable, then 'rag retry' the document.",
    )
