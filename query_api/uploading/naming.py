"""Which names a file may have; pure."""

import re
import unicodedata

from query_api.uploading.refusals import UploadRefused
from rag_core.collection import BucketSource, Uploads, selects

MAX_NAME_BYTES = 200
"""Below what file systems take (255 bytes), by more than the longest sidecar suffix."""

_FORBIDDEN = re.compile(r"[/\\\x00-\x1f\x7f]")


def checked_name(given: str) -> str:
    """Return a file's name in one spelling (NFC); raises ``UploadRefused`` for one that cannot be a key's last part."""
    name = unicodedata.normalize("NFC", given)
    why = ""
    if not name.strip() or name in {".", ".."}:
        why = "has no name"
    elif _FORBIDDEN.search(name):
        why = "has a name with a slash, a backslash or a control character"
    elif any(unicodedata.category(each) == "Cs" for each in name):
        why = "has a name that is not valid UTF-8"
    elif name != name.strip():
        why = "has a name that begins or ends with a space"
    elif len(name.encode()) > MAX_NAME_BYTES:
        why = f"has a name longer than {MAX_NAME_BYTES} bytes"
    if why:
        raise UploadRefused(422, f"The file {_shown(given)} {why}.", remedy="Rename it.")
    return name


def key_of(uploads: Uploads, source: BucketSource, uploader: str, name: str) -> str:
    """Return the key under which a file is stored; raises ``UploadRefused`` where the source would not look at it."""
    key = uploads.key(uploader, name)
    if not selects(source, key):
        raise UploadRefused(
            415,
            f"The file {_shown(name)} would be ignored: source {source.name!r} does not select {key!r}.",
            remedy="Rename it (hidden, temporary and sidecar names are no documents), or change the source's globs.",
        )
    return key


def _shown(name: str) -> str:
    return repr(name.encode("utf-8", "replace").decode()[:100])
