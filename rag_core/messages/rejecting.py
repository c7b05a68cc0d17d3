"""The sentences that dead letters say: what is wrong with a message, and what its sender can do."""

from rag_core.messages.message import MessageRejected, RejectKind

_REMEDIES = {
    RejectKind.NOT_JSON: "Send one UTF-8 JSON object as the record's value.",
    RejectKind.NO_FORM: "Send one of the forms of docs/kafka-messages.md, or describe these messages by a `mapping`.",
    RejectKind.BAD_FIELD: "Correct the field and send it again; other shapes need a `mapping`.",
    RejectKind.BAD_METADATA: "Correct the metadata and send it again.",
    RejectKind.BAD_URI: "Send the object's s3:// or file:// URI, percent-encoded.",
    RejectKind.NO_ID: "Give the record a key, or its body an `id`.",
    RejectKind.KEY_DISAGREES: "Make the record's key equal the id in its body, or leave one of the two out.",
    RejectKind.TOO_LARGE: "Send a reference to an object, or raise the stream's max_message_bytes.",
}


def rejected(kind: RejectKind, what: str) -> MessageRejected:
    """Return the rejection of a message that has this wrong."""
    return MessageRejected(kind, what, remedy=_REMEDIES[kind])


def bad_field(name: str, what: str) -> MessageRejected:
    """Return the rejection of a message whose field of that name is not as it must be."""
    return rejected(RejectKind.BAD_FIELD, f"The field {name!r} {what}.")
