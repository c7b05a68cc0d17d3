"""URIs of objects in a store, written in one way: as the sources write those of their own objects."""

import re
from urllib.parse import quote, unquote

from rag_core.messages.message import MessageRejected, RejectKind
from rag_core.messages.rejecting import rejected
from rag_core.objects import is_addressable

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_MAX_URI_CHARS = 8192


def bucket_uri(bucket: str, key: str) -> str:
    """Return the URI of a bucket's object; raises ``MessageRejected`` for what no source can hold."""
    if not _BUCKET.fullmatch(bucket):
        raise _bad(f"s3://{bucket}", "it names no bucket")
    if not is_addressable(key):
        raise _bad(f"s3://{bucket}/{key}", "its key is too long, or has an empty, '.' or '..' segment")
    return f"s3://{bucket}/{quote(key)}"


def canonical_uri(uri: str) -> str:
    """Return an ``s3://`` or ``file://`` URI as sources write it; raises ``MessageRejected``.

    What is percent-encoded is decoded first; characters that should have been encoded stand for themselves.
    """
    scheme, separator, rest = uri.partition("://")
    if len(uri) > _MAX_URI_CHARS or not separator or scheme.lower() not in {"s3", "file"}:
        raise _bad(uri, "it begins with neither s3:// nor file://")
    try:
        rest = unquote(rest, errors="strict")
    except UnicodeError as error:
        raise _bad(uri, "what is percent-encoded in it is no UTF-8") from error
    host, _, key = rest.partition("/")
    if scheme.lower() == "s3":
        return bucket_uri(host, key)
    if host not in {"", "localhost"} or not is_addressable(key):
        raise _bad(uri, "it is no absolute path of this machine, or has an empty, '.' or '..' segment")
    return f"file:///{quote(key)}"


def _bad(uri: str, what: str) -> MessageRejected:
    return rejected(RejectKind.BAD_URI, f"{uri[:300]!r} names no object: {what}.")
