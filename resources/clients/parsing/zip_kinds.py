"""Which format a ZIP archive is: by its ``mimetype`` entry or its content types, read from its first bytes alone.

Looking at the local headers in front of each entry, not at the directory at the end, gives the same answer for a
whole file and for the beginning of an upload.
"""

import re
import struct
import zlib
from collections.abc import Iterator

from resources.clients.parsing.versions import DOCX, EPUB, ODP, ODS, ODT, PPTX, XLSX

_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_MAX_LOOKED_AT = 64
_MAX_UNPACKED = 256 * 1024
_DEFLATED = 8
_DATA_FOLLOWS = 0x8
_MIMETYPES = {
    b"application/epub+zip": EPUB,
    b"application/vnd.oasis.opendocument.text": ODT,
    b"application/vnd.oasis.opendocument.spreadsheet": ODS,
    b"application/vnd.oasis.opendocument.presentation": ODP,
}
# The content type of the main part: documents, templates and shows, with macros and without.
_MAIN_PARTS = (
    (re.compile(rb"wordprocessingml\.(?:document|template)\.main\+xml|ms-word\.(?:document|template)\.macro"), DOCX),
    (
        re.compile(
            rb"presentationml\.(?:presentation|template|slideshow)\.main\+xml"
            rb"|ms-powerpoint\.(?:presentation|template|slideshow)\.macro"
        ),
        PPTX,
    ),
    (re.compile(rb"spreadsheetml\.(?:sheet|template)\.main\+xml|ms-excel\.(?:sheet|template)\.macro"), XLSX),
)
_FOLDERS = ((b"word/document", DOCX), (b"ppt/presentation", PPTX), (b"xl/workbook", XLSX))


def zip_media_type(data: bytes) -> str | None:
    """Return the media type of an office document or a book; None for any other archive."""
    by_folder: str | None = None
    for name, content in _entries(data):
        if name == b"mimetype":
            kind = content.strip().removesuffix(b"-template").removesuffix(b"-web").removesuffix(b"-master")
            return _MIMETYPES.get(kind)
        if name == b"[Content_Types].xml":
            found = next((media_type for pattern, media_type in _MAIN_PARTS if pattern.search(content)), None)
            if found is not None:
                return found
        if by_folder is None:
            by_folder = next((kind for start, kind in _FOLDERS if name.startswith(start)), None)
    return by_folder


def _entries(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield names and (of the two telling entries) contents, as far as local headers lead."""
    at = 0
    for _ in range(_MAX_LOOKED_AT):
        if len(data) < at + _LOCAL_HEADER.size:
            return
        magic, _, flags, method, _, _, _, packed, _, name_length, extra_length = _LOCAL_HEADER.unpack_from(data, at)
        if magic != b"PK\x03\x04":
            return
        start = at + _LOCAL_HEADER.size + name_length + extra_length
        name = data[at + _LOCAL_HEADER.size : at + _LOCAL_HEADER.size + name_length].lstrip(b"/")
        is_telling = name in {b"mimetype", b"[Content_Types].xml"}
        sized = not (flags & _DATA_FOLLOWS and packed == 0)
        yield name, _content(data[start : start + packed] if sized else data[start:], method) if is_telling else b""
        if sized:
            at = start + packed
        else:
            at = data.find(b"PK\x03\x04", start)
            if at < 0:
                return


def _content(packed: bytes, method: int) -> bytes:
    if method != _DEFLATED:
        return packed[:_MAX_UNPACKED]
    try:
        return zlib.decompressobj(-15).decompress(packed, _MAX_UNPACKED)
    except zlib.error:
        return b""
