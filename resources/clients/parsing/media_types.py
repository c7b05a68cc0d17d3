"""What a document is, by its content; its name and the store's hint only settle ties between kinds of text."""

import re
from dataclasses import dataclass

from rag_core.errors import DocumentRejected, QuarantineKind
from resources.clients.parsing.encoding import wide_encoding
from resources.clients.parsing.programming_languages import language_by_name
from resources.clients.parsing.rejections import locked
from resources.clients.parsing.text_kinds import is_json_lines, is_mail, is_table
from resources.clients.parsing.versions import (
    CSV,
    EMAIL,
    HTML,
    JSON_LINES,
    MARKDOWN,
    PDF,
    PLAIN_TEXT,
    SOURCE_CODE,
)
from resources.clients.parsing.zip_kinds import zip_media_type

_HEAD_BYTES = 8192
_PDF_HEADER = re.compile(rb"%PDF-\d")
_PDF_OBJECT = re.compile(rb"\b\d+\s+\d+\s+obj\b")
_HTML_START = re.compile(rb"(?:\s|<!--.*?-->|<\?xml[^>]*\?>)*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)
_HTML_TAG = re.compile(
    rb"<(?:head|body|title|meta|div|p|h[1-6]|table|ul|ol|article|main|section|span|a)\b", re.IGNORECASE
)
_MARKDOWN_LINES = re.compile(rb"^(?:#{1,6} \S|```|~~~|\|.*\|[ \t]*$|[ \t]*[-*+] \[[ x]\] )", re.MULTILINE)
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_MAGIC = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (_OLE, "an Office document of the old format or an Outlook message"),
    (b"\x1f\x8b", "gzip-compressed data"),
    (b"BZh", "bzip2-compressed data"),
    (b"\xfd7zXZ\0", "xz-compressed data"),
    (b"(\xb5/\xfd", "zstd-compressed data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"RIFF", "a RIFF media file"),
    (b"OggS", "an Ogg media file"),
    (b"ID3", "an MP3 file"),
    (b"\x7fELF", "an executable"),
    (b"MZ\x90", "an executable"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"{\\rtf", "a Rich Text document"),
    (b"%!PS", "a PostScript program"),
)
_ALSO_WORDS = frozenset({b"BZh", b"GIF8", b"RIFF", b"OggS", b"ID3", b"PAR1"})
"""Beginnings that a text may have, too: files of these kinds hold bytes that no text does."""

_SUFFIXES = {
    MARKDOWN: "md markdown mdown",
    HTML: "html htm xhtml",
    CSV: "csv tsv tab",
    JSON_LINES: "jsonl ndjson jsonlines",
    EMAIL: "eml mht mhtml",
    PLAIN_TEXT: "txt text log json yaml yml rst ini cfg toml xml",
}
_BY_SUFFIX = {suffix: media_type for media_type, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}
_ALIASES = {
    "application/xhtml+xml": HTML,
    "text/x-markdown": MARKDOWN,
    "text/tab-separated-values": CSV,
    "application/csv": CSV,
    "application/x-ndjson": JSON_LINES,
    "application/ndjson": JSON_LINES,
    "application/x-jsonlines": JSON_LINES,
    "application/jsonlines": JSON_LINES,
    "text/javascript": SOURCE_CODE,
    "application/javascript": SOURCE_CODE,
    "application/sql": SOURCE_CODE,
    "text/x-python": SOURCE_CODE,
    "application/x-sh": SOURCE_CODE,
}
_TEXT_TYPES = frozenset({*_SUFFIXES, SOURCE_CODE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What others say about a document: its name, and the content type its store reports."""

    name: str = ""
    media_type: str | None = None

    def text_type(self) -> str | None:
        """Return which kind of text the claims name: by suffix first, then by content type."""
        name = self.name.rpartition("/")[2]
        suffix = name.rpartition(".")[2].lower() if "." in name else ""
        if suffix in _BY_SUFFIX and language_by_name(name) is None:
            return _BY_SUFFIX[suffix]
        if language_by_name(name) is not None:
            return SOURCE_CODE
        stated = (self.media_type or "").partition(";")[0].strip().lower()
        stated = _ALIASES.get(stated, stated)
        return stated if stated in _TEXT_TYPES else None


def media_type_of(data: bytes, claims: Claims) -> str:
    """Return the media type; raises ``DocumentRejected`` (unsupported format) for what no parser here reads."""
    head = data[:_HEAD_BYTES]
    if _is_pdf(data):
        return PDF
    office = zip_media_type(data) if head.startswith(b"PK\x03\x04") else None
    if office is not None:
        return office
    if head.startswith(_OLE) and _ENCRYPTED_PACKAGE in data:
        raise locked("Office encryption")
    for magic, what in _MAGIC:
        if head.startswith(magic) and not (magic in _ALSO_WORDS and _is_text(head)):
            raise _unsupported(f"It is {what}.")
    if not _is_text(head):
        raise _unsupported("It is binary data of an unknown kind.")
    return _kind_of_text(head, claims)


def _is_pdf(data: bytes) -> bool:
    """Recognise a PDF by its header; with bytes in front of the header only if objects follow."""
    header = _PDF_HEADER.search(data, 0, 1024 + 8)
    if header is None:
        return False
    return not data[: header.start()].strip() or _PDF_OBJECT.search(data, header.end()) is not None


def _is_text(head: bytes) -> bool:
    if head.startswith(_BYTE_ORDER_MARKS) or wide_encoding(head):
        return True
    if b"\0" in head:
        return False
    controls = sum(byte < 32 and byte not in b"\t\n\r\x0c\x1b" for byte in head)
    return controls <= 0.02 * len(head)


def _kind_of_text(head: bytes, claims: Claims) -> str:
    head = head.replace(b"\0", b"") if wide_encoding(head) or head.startswith((b"\xff\xfe", b"\xfe\xff")) else head
    start = head.lstrip(b"\xef\xbb\xbf\xff\xfe")
    if _HTML_START.match(start):
        return HTML
    claimed = claims.text_type()
    if start.startswith(b"#!"):
        return SOURCE_CODE
    if claimed != SOURCE_CODE and is_mail(start, claimed=claimed == EMAIL):
        return EMAIL
    if claimed != CSV and is_json_lines(start, claimed=claimed == JSON_LINES):
        return JSON_LINES
    if claimed == HTML:
        return HTML if _HTML_TAG.search(head) else PLAIN_TEXT
    if claimed is not None and claimed not in {EMAIL, JSON_LINES}:
        return claimed
    if start.lstrip().startswith(b"<") and len(_HTML_TAG.findall(head)) >= 3:
        return HTML
    if is_table(start):
        return CSV
    return MARKDOWN if len(_MARKDOWN_LINES.findall(start)) >= 2 else PLAIN_TEXT


def _unsupported(what: str) -> DocumentRejected:
    return DocumentRejected(
        QuarantineKind.UNSUPPORTED_FORMAT,
        what,
        remedy="Store it in a format that docs/formats.md lists, or exclude it in the collection's globs.",
    )
