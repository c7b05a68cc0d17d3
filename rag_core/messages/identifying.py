"""Which document a message is about: its record's key, and where there is none, the id in its body."""

from rag_core.messages.keys import document_key, id_text, key_text
from rag_core.messages.message import Message, RejectKind
from rag_core.messages.rejecting import rejected


def identity(message: Message, given: str | None) -> str:
    """Return a document's id as a key's text; ``given`` is what the body says. Raises ``MessageRejected``.

    An empty key counts as none. The key goes first, because it is what the broker keeps order and compacts by.
    """
    if message.key:
        text = key_text(message.key)
        if given is not None and given != text and id_text(given) != text:
            raise rejected(
                RejectKind.KEY_DISAGREES, f"The record's key is {text[:200]!r}, but its body says {given[:200]!r}."
            )
    elif given:
        text = id_text(given)
    else:
        raise rejected(RejectKind.NO_ID, "Neither the record's key nor its body says which document it is.")
    document_key(message.topic, text)
    return text
