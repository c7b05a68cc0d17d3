"""Form (b): a reference to an object of a store, ``{uri, version?, media_type?, metadata?, op?}``."""

from rag_core.arrivals import Presence
from rag_core.messages.document import is_removal
from rag_core.messages.message import Message, ObjectHint, RejectKind
from rag_core.messages.metadata import metadata_of
from rag_core.messages.object_uris import canonical_uri
from rag_core.messages.reading import MAX_WORD_CHARS, Fields, only_known, required_text, size_of, text_of
from rag_core.messages.rejecting import rejected

_FIELDS = frozenset({"$schema", "uri", "version", "size_bytes", "media_type", "metadata", "op"})
_MAX_URI_CHARS = 8192


def is_reference(fields: Fields) -> bool:
    """Say whether an object means to be a reference."""
    return "uri" in fields


def reference(fields: Fields) -> ObjectHint:
    """Return the hint to look at the object; raises ``MessageRejected``. The record's key says nothing."""
    only_known(fields, _FIELDS)
    return ObjectHint(
        uri=canonical_uri(required_text(fields, "uri", max_chars=_MAX_URI_CHARS)),
        presence=Presence.GONE if is_removal(fields) else Presence.PRESENT,
        version=text_of(fields, "version", max_chars=MAX_WORD_CHARS),
        size_bytes=size_of(fields.get("size_bytes")),
        media_type=text_of(fields, "media_type", max_chars=MAX_WORD_CHARS),
        metadata=metadata_of(fields),
        describes=True,
    )


def removed_reference(message: Message) -> ObjectHint:
    """Return the hint of a null value: the record's key is the URI. Raises ``MessageRejected``."""
    try:
        uri = (message.key or b"").decode()
    except UnicodeDecodeError as error:
        raise rejected(RejectKind.BAD_URI, "The key of this null value is no UTF-8, so it is no URI.") from error
    return ObjectHint(
        uri=canonical_uri(uri),
        presence=Presence.GONE,
        version=None,
        size_bytes=None,
        media_type=None,
        metadata={},
        describes=True,
    )
