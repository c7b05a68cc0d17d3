"""Form (c): S3 event notifications, ``{"Records": [...]}``, as AWS, MinIO and Ceph send them.

AWS and MinIO write keys as HTML forms do (``a+b%2B.txt``), Ceph writes them as they are. Where the sender is neither
and a key can be read both ways, both objects are looked at: a look at an object that is not there does no harm.
"""

import re
from typing import cast
from urllib.parse import unquote_plus

from rag_core.arrivals import Presence
from rag_core.messages.message import Decoded, ObjectHint, RejectKind
from rag_core.messages.object_uris import bucket_uri
from rag_core.messages.reading import (
    MAX_WORD_CHARS,
    Fields,
    kind_of,
    object_of,
    required_text,
    size_of,
    text_of,
)
from rag_core.messages.rejecting import bad_field, rejected
from rag_core.objects import is_addressable

_TEST_EVENT = "s3:TestEvent"
_MAX_RECORDS = 1000
_MAX_KEY_CHARS = 4096
_ENCODED_BY = frozenset({"aws:s3", "minio:s3"})
_RAW_BY = frozenset({"ceph:s3"})
# What is left when a key is written as HTML forms do; AWS leaves slashes, MinIO does not.
_FORM_ENCODED = re.compile(r"(?:[A-Za-z0-9_.*~/+!'()$,:@=;&-]|%[0-9A-Fa-f]{2})*")
_REMOVED = ("ObjectRemoved:", "LifecycleExpiration:", "ObjectLifecycle:Expiration:")
# An object that was read: looking at it would make the next such event.
_READ = ("ObjectAccessed:",)


def is_s3_event(fields: Fields) -> bool:
    """Say whether an object means to be a notification."""
    return "Records" in fields or fields.get("Event") == _TEST_EVENT


def s3_event(fields: Fields) -> tuple[Decoded, ...]:
    """Return a hint for each object; none for a test event, a read or a folder marker. Raises ``MessageRejected``."""
    if fields.get("Event") == _TEST_EVENT:
        return ()
    records = fields.get("Records")
    items = cast("list[object]", records) if type(records) is list else []
    if not items:
        raise bad_field("Records", f"is {kind_of(fields.get('Records'))}, it must be a list with something in it")
    if len(items) > _MAX_RECORDS:
        raise rejected(RejectKind.TOO_LARGE, f"It has {len(items)} records, the limit is {_MAX_RECORDS}.")
    return tuple(hint for item in items for hint in _hints(item))


def _hints(item: object) -> list[ObjectHint]:
    record = cast("Fields", item) if type(item) is dict else {}
    s3 = object_of(record, "s3") or {}
    bucket, stored = object_of(s3, "bucket"), object_of(s3, "object")
    if bucket is None or stored is None:
        raise bad_field("Records", "has an item without s3.bucket and s3.object")
    event = required_text(record, "eventName").removeprefix("s3:")
    if event.startswith(_READ):
        return []
    name = required_text(bucket, "name")
    keys = _keys(required_text(stored, "key", max_chars=_MAX_KEY_CHARS), record.get("eventSource"))
    etag = text_of(stored, "eTag", max_chars=MAX_WORD_CHARS) or text_of(stored, "etag", max_chars=MAX_WORD_CHARS)
    return [
        ObjectHint(
            uri=bucket_uri(name, key),
            presence=Presence.GONE if event.startswith(_REMOVED) else Presence.PRESENT,
            version=text_of(stored, "versionId", max_chars=MAX_WORD_CHARS) or etag,
            size_bytes=size_of(stored.get("size")),
            media_type=text_of(stored, "contentType", max_chars=MAX_WORD_CHARS),
            metadata={},
        )
        for key in keys
        if not key.endswith("/")
    ]


def _keys(key: str, sender: object) -> list[str]:
    """Return the keys that a notification's key can mean: one, or two where nobody can tell."""
    sender = sender if isinstance(sender, str) else ""
    if sender in _RAW_BY or _FORM_ENCODED.fullmatch(key) is None:
        return [key]
    try:
        decoded = unquote_plus(key, errors="strict")
    except UnicodeError:
        return [key]
    if sender in _ENCODED_BY or decoded == key:
        return [decoded]
    return [each for each in (decoded, key) if is_addressable(each)] or [decoded]
