"""Keys of the messages that are sent: by a template over their fields, or as the page that a change is about."""

from collections.abc import Callable
from typing import TypeAlias

from rag_core.errors import InvalidRequest
from rag_core.messages.keys import document_key, key_bytes, key_text
from rag_core.messages.message import InlineDocument, Message, MessageRejected, RejectKind, Removal
from rag_core.messages.reading import Fields, object_of
from rag_core.messages.recentchange import is_recentchange, recentchange
from rag_core.messages.rejecting import bad_field
from rag_core.messages.templates import compiled

KeyOf: TypeAlias = Callable[[Fields], bytes | None]
"""The key of a message with these fields, None for none; raises ``MessageRejected``."""

_LARGEST = 2**31


def no_key(fields: Fields) -> None:
    """Give no key: the document is named by its body."""
    del fields


def key_by(template: str, *, topic: str) -> KeyOf:
    """Return what makes keys by a template such as ``{channel}/{page}`` or a field's path such as ``page.id``."""
    try:
        ready = compiled(template if "{" in template or "}" in template else f"{{{template}}}")
    except ValueError as error:
        raise InvalidRequest(f"--key: {error}.", remedy="Write it as in --key '{channel}/{page}'.") from None
    if not ready.has_fields:
        raise InvalidRequest("--key names no field.", remedy="Write it as in --key '{channel}/{page}'.")

    def key_of(fields: Fields) -> bytes:
        text = ready.rendered(fields)
        if not text:
            raise bad_field(ready.described, "is missing or empty, and the key is made of it")
        return checked_key(text, topic=topic)

    return key_of


def checked_key(text: str, *, topic: str) -> bytes:
    """Return a key's bytes; raises ``MessageRejected`` where no document could have it."""
    try:
        key = text.encode()
    except UnicodeEncodeError:
        raise bad_field("key", "holds half of a surrogate pair") from None
    document_key(topic, key_text(key))
    return key


def page_key(topic: str) -> KeyOf:
    """Return what makes keys of Wikimedia's changes: the page's, so that its changes keep their order.

    A ``recentchange`` that means nothing to a stream gets its own id: in a compacted topic it must not stand for the
    page's newest edit. The sample of 2015 has ``channel`` and ``page`` instead.
    """
    sampled = key_by("{channel}/{page}", topic=topic)

    def key_of(fields: Fields) -> bytes | None:
        if not is_recentchange(fields):
            return sampled(fields)
        message = Message(topic=topic, partition=0, offset=0, timestamp_ms=-1, key=None, value=b"")
        try:
            meant = recentchange(message, fields, max_bytes=_LARGEST)
        except MessageRejected as error:
            if error.kind is RejectKind.KEY_TOO_LONG:
                raise
            meant = ()  # its stream will say what is wrong with it: sent as it is, it becomes a dead letter
        for each in meant:
            if isinstance(each, InlineDocument | Removal):
                return key_bytes(each.id)
        own = (object_of(fields, "meta") or {}).get("id")
        return checked_key(own, topic=topic) if isinstance(own, str) and own else None

    return key_of
