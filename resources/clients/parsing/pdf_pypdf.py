"""The second PDF engine: pypdf, slower, for files that pdfium refuses or reads as garbage."""

# A PDF dictionary's values have no type before they are looked at.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import io
import logging
import warnings
from collections.abc import Container, Iterator, Sequence
from typing import TYPE_CHECKING, cast

from rag_core.text_cleaning import mark_line_end_hyphens
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.pdf_content import (
    EngineRefusedError,
    OutlineEntry,
    PasswordNeededError,
    PdfContent,
    PdfLine,
)
from resources.clients.parsing.progress import reading_page
from resources.clients.parsing.rejections import text_too_large, too_many_pages

if TYPE_CHECKING:
    from pypdf import PdfReader
    from pypdf.generic import Destination

_MAX_OUTLINE_DEPTH = 6


def read_with_pypdf(
    data: bytes, passwords: Sequence[str], limits: ParseLimits, *, only: Container[int] | None = None
) -> PdfContent:
    """Return the lines of every page, or of ``only`` some page numbers; the others stay empty.

    Raises ``EngineRefusedError``, ``PasswordNeededError`` or ``DocumentRejected``.
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reader, count = _opened(data, passwords)
        if count > limits.max_pages:
            raise too_many_pages(count, limits.max_pages)
        pages: list[tuple[PdfLine, ...]] = []
        failed: list[int] = []
        size = 0
        for index in range(count):
            if only is not None and index + 1 not in only:
                pages.append(())
                continue
            if index + 1 in limits.skipped_pages:
                failed.append(index + 1)
                pages.append(())
                continue
            reading_page(index + 1)
            try:
                text = reader.pages[index].extract_text()
            except MemoryError:
                raise
            except Exception:  # noqa: BLE001 - pypdf raises KeyError, TypeError, … on broken pages: this page is lost
                failed.append(index + 1)
                text = ""
            size += len(text)
            if size > limits.max_text_bytes:
                raise text_too_large(limits.max_text_bytes)
            pages.append(tuple(_lines(text)))
        reading_page(0)
        return PdfContent(
            engine="pypdf",
            pages=tuple(pages),
            outline=tuple(_outline(reader)),
            info=_info(reader),
            failed_pages=tuple(failed),
        )


def _opened(data: bytes, passwords: Sequence[str]) -> "tuple[PdfReader, int]":
    from pypdf import PasswordType, PdfReader  # 0.3 s that only files which pdfium cannot read pay for

    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        wrong = PasswordType.NOT_DECRYPTED
        locked = reader.is_encrypted and all(reader.decrypt(password) is wrong for password in passwords)
        count = 0 if locked else len(reader.pages)
    except MemoryError:
        raise
    except Exception as error:  # whatever it is, this engine cannot open the file
        raise EngineRefusedError(f"pypdf: {type(error).__name__}") from error
    if locked:
        raise PasswordNeededError
    return reader, count


def _lines(text: str) -> Iterator[PdfLine]:
    """Yield the lines of a page; a blank line begins a paragraph, a divided word stays in its first line."""
    blank = False
    for line in mark_line_end_hyphens(text).split("\n"):
        if line.strip():
            yield PdfLine(text=line, starts_paragraph=blank)
            blank = False
        else:
            blank = True


def _outline(reader: "PdfReader") -> Iterator[OutlineEntry]:
    try:
        pending: list[tuple[int, object]] = [(1, entry) for entry in reversed(cast("list[object]", reader.outline))]
        while pending:
            level, entry = pending.pop()
            if isinstance(entry, list):
                nested = cast("list[object]", entry)
                pending.extend((level + 1, item) for item in reversed(nested) if level < _MAX_OUTLINE_DEPTH)
                continue
            destination = cast("Destination", entry)
            page = reader.get_destination_page_number(destination)
            if page is not None and page >= 0 and destination.title:
                yield OutlineEntry(level=level, title=str(destination.title), page=page)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a broken outline costs headings, not the text
        return


def _info(reader: "PdfReader") -> dict[str, str]:
    names = {
        "/Title": "title",
        "/Author": "author",
        "/Subject": "subject",
        "/Keywords": "keywords",
        "/Creator": "creator",
        "/Producer": "producer",
        "/CreationDate": "created",
        "/ModDate": "modified",
    }
    info: dict[str, str] = {}
    try:
        for key, name in names.items():
            value = (reader.metadata or {}).get(key)
            if value is not None and str(value).strip():
                info[name] = str(value)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - unreadable information costs a title, not the text
        return info
    return info
