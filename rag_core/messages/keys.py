"""Keys of streamed documents: a record's key as text, a document's key in its source, its URI.

A key is any bytes. As text it stays readable, can be turned back, and names an object below a root: no empty, ``.`` or
``..`` segment, nothing unprintable. What is in the way is written as ``%XX``, the percent sign among it.
"""

import re
from itertools import pairwise
from urllib.parse import quote, unquote_to_bytes

from rag_core.messages.message import MessageRejected, RejectKind
from rag_core.objects import MAX_KEY_BYTES

_ESCAPED = "%\x00-\x1f\x7f-\x9f"
_UNUSUAL = re.compile(rf"[{_ESCAPED}]|(?:^|/)\.{{0,2}}(?:/|\Z)")
# Bytes that are no UTF-8 stand as lone surrogates while a key is written.
_TO_ESCAPE = re.compile(rf"[{_ESCAPED}\ud800-\udfff]")


def key_text(key: bytes) -> str:
    """Return a record's key as text; ``key_bytes`` turns it back. Valid UTF-8 without oddities stays as it is."""
    try:
        text = key.decode()
    except UnicodeDecodeError:
        text = key.decode("utf-8", "surrogateescape")
    else:
        if _is_usual(text) or _UNUSUAL.search(text) is None:
            return text
    return _joined([_segment(part) for part in text.split("/")])


def key_bytes(text: str) -> bytes:
    """Return the key that ``key_text`` wrote."""
    return unquote_to_bytes(text)


def id_text(identity: str) -> str:
    """Return an id from a message's body as the same key's text."""
    return key_text(identity.encode("utf-8", "surrogatepass"))


def document_key(topic: str, id: str) -> str:
    """Return a document's key in its stream; ``id`` is a key's text. Raises ``MessageRejected`` if it is too long."""
    key = f"{topic}/{id}"
    if len(key) * 4 > MAX_KEY_BYTES and (size := len(key.encode())) > MAX_KEY_BYTES:
        raise MessageRejected(
            RejectKind.KEY_TOO_LONG,
            f"Topic and id of the document are {size} bytes long, the limit is {MAX_KEY_BYTES}.",
            remedy="Use a shorter key: a hash of the long one, say, with the long one in the metadata.",
        )
    return key


def document_uri(cluster: str, document_key: str) -> str:
    """Return the canonical URI of a streamed document, such as ``kafka://main/edits/en/Berlin``."""
    return f"kafka://{cluster}/{quote(document_key, safe='/')}"


def _is_usual(text: str) -> bool:
    """Say whether nothing in a key can be in the way, at a glance; most keys are of this kind."""
    return (
        text.isprintable()
        and "%" not in text
        and "//" not in text
        and "/." not in text
        and not text.startswith(("/", "."))
        and not text.endswith("/")
    )


def _segment(part: str) -> str:
    if part in {".", ".."}:
        return "%2E" * len(part)
    return _TO_ESCAPE.sub(_percent, part)


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogateescape"))


def _joined(segments: list[str]) -> str:
    """Join segments; a slash beside an empty one is escaped, so that none is empty."""
    out = segments[0]
    for before, part in pairwise(segments):
        out += ("/" if (before or out) and part else "%2F") + part
    return out
