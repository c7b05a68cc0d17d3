"""Form (a): a document in the message, ``{id, title?, text | content_base64, media_type?, url?, metadata?, op?}``."""

from rag_core.messages.identifying import identity
from rag_core.messages.message import InlineDocument, Message, RejectKind, Removal
from rag_core.messages.metadata import check_details, metadata_of
from rag_core.messages.reading import (
    MAX_URL_CHARS,
    MAX_WORD_CHARS,
    Fields,
    base64_decoded,
    encoded,
    id_of,
    kind_of,
    only_known,
    text_of,
    title_of,
)
from rag_core.messages.rejecting import bad_field, rejected

PLAIN_TEXT = "text/plain"
_FIELDS = frozenset({"$schema", "id", "title", "text", "content_base64", "media_type", "url", "metadata", "op"})
_DELETE = "delete"
_UPSERT = "upsert"


def is_document(fields: Fields) -> bool:
    """Say whether an object means to be an inline document, or its removal."""
    return "text" in fields or "content_base64" in fields or ("op" in fields and "uri" not in fields)


def document(message: Message, fields: Fields, *, max_bytes: int) -> InlineDocument | Removal:
    """Return the document, or its removal; raises ``MessageRejected``."""
    only_known(fields, _FIELDS)
    name = identity(message, id_of(fields))
    if is_removal(fields):
        return Removal(id=name)
    metadata = metadata_of(fields)
    title = title_of(fields)
    url = text_of(fields, "url", max_chars=MAX_URL_CHARS)
    stated = text_of(fields, "media_type", max_chars=MAX_WORD_CHARS)
    body, media_type = _body(fields, max_bytes)
    check_details(metadata, title=title, url=url)
    return InlineDocument(id=name, body=body, media_type=stated or media_type, title=title, url=url, metadata=metadata)


def is_removal(fields: Fields) -> bool:
    """Say whether ``op`` asks for removal; raises ``MessageRejected`` for an ``op`` that nobody knows."""
    op = fields.get("op")
    if op is None or op == _UPSERT:
        return False
    if op == _DELETE:
        return True
    raise bad_field("op", f"must be {_UPSERT!r} or {_DELETE!r}")


def _body(fields: Fields, max_bytes: int) -> tuple[bytes, str | None]:
    text, content = fields.get("text"), fields.get("content_base64")
    if (text is None) == (content is None):
        raise rejected(RejectKind.BAD_FIELD, "It must have either 'text' or 'content_base64'.")
    if content is not None:
        if type(content) is not str:
            raise bad_field("content_base64", f"is {kind_of(content)}, it must be a text")
        return base64_decoded("content_base64", content, max_bytes=max_bytes), None
    if type(text) is not str:
        raise bad_field("text", f"is {kind_of(text)}, it must be a text")
    return encoded("text", text, max_bytes=max_bytes), PLAIN_TEXT
