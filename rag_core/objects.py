"""Objects of a store as values: what one look at a bucket or a folder tells about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rag_core.descriptions import Description
from rag_core.identity import fingerprint

MAX_KEY_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """One object as the store described it: ``key`` is relative to the source's root.

    A folder's ETag is inode, modification time and size; ``user_metadata`` is None where a look does not bring it
    (listings never do), ``tags`` where nobody asked for them (a request of its own), ``version_id`` where the store
    keeps no versions or does not say. ``media_type`` and ``details`` (a sidecar's text) are known where the object came
    with them, as a message does.
    """

    key: str
    etag: str
    version_id: str | None
    size_bytes: int
    modified_at: datetime
    user_metadata: Mapping[str, str] | None = None
    tags: Mapping[str, str] | None = None
    media_type: str | None = None
    details: str | None = None
    description: Description | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A part of a listing that could not be looked at: nothing may be concluded about keys that start with ``prefix``.

    ``name`` is printable, whatever bytes the name is made of.
    """

    prefix: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPage:
    """Objects in bytewise order of their keys; the range ends at ``through``, and at the root's end if ``complete``."""

    objects: tuple[ObjectInfo, ...]
    through: str
    complete: bool
    unreadable: tuple[Unreadable, ...] = ()


def announced_version(info: ObjectInfo, sidecar: ObjectInfo | None, *, tags: str = "") -> str:
    """Return the version that an object, its sidecar and its ``tags_version`` announce; any change changes it.

    The modification time is in it because new user metadata leaves an S3 ETag as it was; whole seconds, because a
    listing and a HEAD of the same object differ in what lies below.
    """
    modified = info.modified_at.isoformat(timespec="seconds")
    return f"{info.etag}|{modified}|{sidecar.etag if sidecar else ''}{f'|tags:{tags}' if tags else ''}"


def tags_version(tags: Mapping[str, str], fields: Sequence[str]) -> str:
    """Return what changes when one of the named tags does; empty for an object that has none of them."""
    named = {name: tags[name] for name in sorted(set(fields)) if name in tags}
    return fingerprint(named) if named else ""


def sidecar_key(key: str, suffix: str | None) -> str | None:
    """Return the key of an object's sidecar; None without a rule, or where no store could hold so long a key.

    An object of the longest possible key simply has no sidecar. A single name may still be too long for a file
    system: its store then finds nothing there.
    """
    if suffix is None or len((key + suffix).encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
        return None
    return key + suffix


def is_addressable(key: str) -> bool:
    """Say whether a key names an object below a root: no empty, ``.`` or ``..`` segment, no NUL, valid UTF-8."""
    try:
        encoded = key.encode("utf-8")
    except UnicodeEncodeError:
        return False
    segments = key.split("/")
    return len(encoded) <= MAX_KEY_BYTES and "\0" not in key and not any(part in {"", ".", ".."} for part in segments)
