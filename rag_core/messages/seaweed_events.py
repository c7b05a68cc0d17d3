"""Form (c) of SeaweedFS: its filer sends ``EventNotification`` in protobuf, keyed by the path that changed.

Which fields are read, by their numbers (weed/pb/filer.proto): of the notification old entry 1, new entry 2, new parent
path 4; of an entry name 1, is directory 2, attributes 4; of its attributes file size 1, MIME type 7. Keys are raw.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rag_core.arrivals import Presence
from rag_core.messages.message import Message, ObjectHint, RejectKind
from rag_core.messages.object_uris import bucket_uri
from rag_core.messages.reading import MAX_WORD_CHARS, is_storable
from rag_core.messages.rejecting import rejected

_BUCKETS = "/buckets/"
_UPLOADS = ".uploads"
_VERSIONS = ".versions"
_MAX_FIELDS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    name: str
    is_directory: bool
    size_bytes: int | None
    media_type: str | None


def may_be_seaweed(message: Message) -> bool:
    """Say whether a value that is no JSON can be a filer's notification: the key is a path."""
    return message.key is not None and message.key.startswith(b"/")


def seaweed_event(message: Message) -> tuple[ObjectHint, ...]:
    """Return the hints of a change in a bucket; none for folders, parts of uploads and what is no bucket's.

    Raises ``MessageRejected``.
    """
    try:
        old_path = (message.key or b"").decode()
        old, new, parent = _notification(message.value or b"")
        new_path = old_path if new is None or not parent else f"{parent.rstrip('/')}/{new.name}"
    except (ValueError, IndexError) as error:
        raise rejected(RejectKind.NOT_JSON, "The value is neither JSON nor a notification of SeaweedFS.") from error
    hints: list[ObjectHint] = []
    if new is not None:
        hints += _hint(new_path, new, Presence.PRESENT)
    if old is not None and (new is None or new_path != old_path):
        hints += _hint(old_path, old, Presence.GONE)
    return tuple(hints)


def _hint(path: str, entry: _Entry, presence: Presence) -> list[ObjectHint]:
    """Return the hint of a file's path in a bucket; versions of an object stand in a folder named after it."""
    if entry.is_directory or not path.startswith(_BUCKETS):
        return []
    bucket, _, key = path.removeprefix(_BUCKETS).partition("/")
    if not key or bucket.startswith(".") or key.startswith(f"{_UPLOADS}/"):
        return []
    folder, _, _ = key.rpartition("/")
    is_version = folder.endswith(_VERSIONS)
    return [
        ObjectHint(
            uri=bucket_uri(bucket, folder.removesuffix(_VERSIONS) if is_version else key),
            presence=Presence.PRESENT if is_version else presence,
            version=None,
            size_bytes=None if is_version else entry.size_bytes,
            media_type=entry.media_type,
            metadata={},
        )
    ]


def _notification(value: bytes) -> tuple[_Entry | None, _Entry | None, str]:
    old = new = None
    parent = ""
    for number, field in _fields(value):
        if number == 1 and isinstance(field, bytes):
            old = _entry(field)
        elif number == 2 and isinstance(field, bytes):
            new = _entry(field)
        elif number == 4 and isinstance(field, bytes):
            parent = field.decode()
    if old is None and new is None:
        message = "no entry"
        raise ValueError(message)
    return old, new, parent


def _entry(data: bytes) -> _Entry:
    found = dict(_fields(data))
    name, attributes = found.get(1, b""), found.get(4, b"")
    within = dict(_fields(attributes)) if isinstance(attributes, bytes) else {}
    size, mime = within.get(1, 0), within.get(7, b"")
    media_type = mime.decode() if isinstance(mime, bytes) and len(mime) <= MAX_WORD_CHARS else ""
    return _Entry(
        name=name.decode() if isinstance(name, bytes) else "",
        is_directory=bool(found.get(2, 0)),
        size_bytes=size if isinstance(size, int) and size < 2**63 else None,
        media_type=media_type if media_type and is_storable(media_type) else None,
    )


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield a protobuf message's fields; raises ``ValueError`` or ``IndexError`` where it is none."""
    at = count = 0
    while at < len(data):
        count += 1
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(data, at)
        elif kind in {1, 5}:
            size = 8 if kind == 1 else 4
            value, at = data[at : at + size], at + size
        elif kind == 2:
            length, at = _varint(data, at)
            value, at = data[at : at + length], at + length
        else:
            number = 0
            value = b""
        if not number or at > len(data) or count > _MAX_FIELDS:
            message = "no protobuf"
            raise ValueError(message)
        yield number, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    message = "a number of more than 64 bits"
    raise ValueError(message)
