"""A message becomes what it means: documents, removals, hints to look at objects. Pure, and bounded in every way."""

from rag_core.messages.mapping import MessageMapping
from rag_core.messages.message import Decoded, Form, Message, MessageRejected, RejectKind


def decode(
    message: Message, *, form: Form, mapping: MessageMapping | None = None, max_bytes: int
) -> tuple[Decoded, ...]:
    """Return what a message means; raises ``MessageRejected`` where it fits no form, and never anything else.

    ``max_bytes`` bounds the message's value and the document it holds. Empty only for messages that a form documents
    as meaning nothing; several only for S3 notifications.
    """
    raise MessageRejected(RejectKind.NO_FORM, f"{message.topic}: {form}, {max_bytes}, {mapping}", remedy="")
