"""A message becomes what it means: documents, removals, hints to look at objects. Pure, and bounded in every way."""

from rag_core.messages.cloud_events import check_binary_event, data_of, is_binary_event, is_structured_event
from rag_core.messages.document import document, is_document
from rag_core.messages.identifying import identity
from rag_core.messages.mapping import MessageMapping
from rag_core.messages.message import Decoded, Form, Message, MessageRejected, RejectKind, Removal
from rag_core.messages.reading import Fields, bounded, parse_object
from rag_core.messages.recentchange import is_recentchange, recentchange
from rag_core.messages.reference import is_reference, reference, removed_reference
from rag_core.messages.rejecting import rejected
from rag_core.messages.s3_events import is_s3_event, s3_event
from rag_core.messages.seaweed_events import may_be_seaweed, seaweed_event

_BY_STORES = frozenset({Form.AUTO, Form.S3})
_IN_EVENTS = frozenset({Form.AUTO, Form.DOCUMENT, Form.REFERENCE})


def decode(
    message: Message, *, form: Form, mapping: MessageMapping | None = None, max_bytes: int
) -> tuple[Decoded, ...]:
    """Return what a message means; raises ``MessageRejected`` where it fits no form, and never anything else.

    ``max_bytes`` bounds the message's value and the document in it. Empty only for what a form documents as meaning
    nothing; several only for notifications of stores. ``mapping`` belongs to ``Form.MAPPING``.
    """
    if message.value is None:
        return (_removed(message, form),)
    value = bounded(message.value, max_bytes)
    try:
        fields = parse_object(value)
    except MessageRejected:
        if form in _BY_STORES and may_be_seaweed(message):
            return seaweed_event(message)
        raise
    if form is Form.MAPPING:
        if mapping is None:
            raise rejected(RejectKind.NO_FORM, "Its stream has no mapping.")
        return (mapping.ready.decoded(message, fields, max_bytes=max_bytes),)
    if form in _IN_EVENTS:
        if message.headers and is_binary_event(message):
            check_binary_event(message)
        elif is_structured_event(message, fields):
            fields = data_of(fields, max_bytes=max_bytes)
    return _decoded(message, fields, form, max_bytes)


def _removed(message: Message, form: Form) -> Decoded:
    """Return what a null value removes."""
    if form is Form.REFERENCE:
        return removed_reference(message)
    if form is Form.S3:
        raise rejected(RejectKind.NO_FORM, "The value is null, and no store sends that.")
    return Removal(id=identity(message, None))


def _decoded(message: Message, fields: Fields, form: Form, max_bytes: int) -> tuple[Decoded, ...]:
    if form is Form.AUTO:
        form = _form_of(fields)
    match form:
        case Form.DOCUMENT:
            return (document(message, fields, max_bytes=max_bytes),)
        case Form.REFERENCE:
            return (reference(fields),)
        case Form.S3:
            return s3_event(fields)
        case _:
            return recentchange(message, fields, max_bytes=max_bytes)


def _form_of(fields: Fields) -> Form:
    """Return the form that an object means to have, by the fields that only this form has."""
    if is_document(fields):
        return Form.DOCUMENT
    if is_reference(fields):
        return Form.REFERENCE
    if is_s3_event(fields):
        return Form.S3
    if is_recentchange(fields):
        return Form.RECENTCHANGE
    raise rejected(RejectKind.NO_FORM, "It has neither 'text', 'content_base64', 'uri' nor 'Records'.")
