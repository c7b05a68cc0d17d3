"""One document in, one ``ParsedDocument`` out, in this very process: what a worker does with each request."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TypeAlias

from rag_core.errors import DocumentRejected
from rag_core.parsed import ParsedDocument
from resources.clients.parsing.html import parse_html
from resources.clients.parsing.language import with_language
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.markdown import parse_markdown
from resources.clients.parsing.media_types import Claims, media_type_of
from resources.clients.parsing.pdf import parse_pdf
from resources.clients.parsing.plain_text import parse_plain_text
from resources.clients.parsing.rejections import blank, document_too_large, too_much_memory, unreadable
from resources.clients.parsing.versions import (
    CSV,
    DOCX,
    EMAIL,
    EPUB,
    HTML,
    JSON_LINES,
    MARKDOWN,
    ODP,
    ODS,
    ODT,
    PDF,
    PLAIN_TEXT,
    PPTX,
    SOURCE_CODE,
    XLSX,
)

Parser: TypeAlias = Callable[[bytes, Claims, ParseLimits], ParsedDocument]

_PARSERS: dict[str, Parser] = {MARKDOWN: parse_markdown, HTML: parse_html, PLAIN_TEXT: parse_plain_text}
_LOADED_WHEN_NEEDED = {
    DOCX: ("docx", "parse_docx"),
    PPTX: ("pptx", "parse_pptx"),
    XLSX: ("xlsx", "parse_xlsx"),
    ODT: ("odf", "parse_odf"),
    ODS: ("odf", "parse_odf"),
    ODP: ("odf", "parse_odf"),
    EPUB: ("epub", "parse_epub"),
    EMAIL: ("mail", "parse_mail"),
    CSV: ("csv_rows", "parse_csv"),
    JSON_LINES: ("json_lines", "parse_json_lines"),
    SOURCE_CODE: ("source_code", "parse_source_code"),
}
"""A worker starts within the time a small document takes; it loads these parsers with their first document."""


def parse_document(data: bytes, claims: Claims, passwords: Sequence[str], limits: ParseLimits) -> ParsedDocument:
    """Return what a document says; raises ``DocumentRejected`` and nothing else, whatever the bytes are.

    Time, memory and crashes of native code are not this function's business: whoever calls it watches the process.
    """
    if len(data) > limits.max_document_bytes:
        raise document_too_large(len(data), limits.max_document_bytes)
    if not data.strip(b"\0 \t\r\n"):
        raise blank(data)
    try:
        media_type = media_type_of(data, claims)
        if media_type == PDF:
            return with_language(parse_pdf(data, claims, passwords, limits))
        return with_language(_parser_of(media_type)(data, claims, limits))
    except DocumentRejected:
        raise
    except MemoryError:
        raise too_much_memory(limits.max_memory_bytes) from None
    except Exception as error:  # a parser may raise anything on hostile bytes
        raise unreadable(f"Its parser gave up ({type(error).__name__}).") from error


def _parser_of(media_type: str) -> Parser:
    if media_type not in _PARSERS:
        module, function = _LOADED_WHEN_NEEDED[media_type]
        _PARSERS[media_type] = getattr(import_module(f"resources.clients.parsing.{module}"), function)
    return _PARSERS[media_type]
