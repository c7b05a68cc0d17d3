"""Form (d): CloudEvents 1.0 in Kafka, structured and binary, around an inline document or a reference.

The event's own id names the event and not the document: that is named by the record's key or by the data.
"""

from dataclasses import dataclass

from rag_core.messages.message import Message, RejectKind
from rag_core.messages.reading import (
    Fields,
    base64_decoded,
    kind_of,
    object_of,
    parse_object,
    required_text,
    text_of,
)
from rag_core.messages.rejecting import bad_field, rejected

_ATTRIBUTES = ("id", "source", "type")
_STRUCTURED = "application/cloudevents"
_BATCH = "application/cloudevents-batch"
_BINARY_PREFIX = "ce_"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attributes:
    said: Fields
    content_type: str | None


def is_binary_event(message: Message) -> bool:
    """Say whether a record's headers make it a CloudEvent whose value is the data."""
    return any(name == "ce_specversion" for name, _ in message.headers)


def check_binary_event(message: Message) -> None:
    """Raise ``MessageRejected`` where the headers are no event's, or the data is said to be something but JSON."""
    said: Fields = {}
    content_type = None
    for name, value in message.headers:
        if name.startswith(_BINARY_PREFIX) or name == "content-type":
            try:
                text = (value or b"").decode()
            except UnicodeDecodeError as error:
                raise bad_field(name[:80], "is a header that is no UTF-8") from error
            if name == "content-type":
                content_type = text
            else:
                said[name.removeprefix(_BINARY_PREFIX)] = text
    _check(_Attributes(said=said, content_type=content_type))


def is_structured_event(message: Message, fields: Fields) -> bool:
    """Say whether a record's value is an event with its data in it; raises ``MessageRejected`` for a batch of them."""
    for name, value in message.headers:
        if name == "content-type" and value is not None:
            if value.startswith(_BATCH.encode()):
                raise rejected(RejectKind.NO_FORM, "CloudEvents come one a record, not in batches.")
            if value.startswith(_STRUCTURED.encode()):
                return True
    return "specversion" in fields


def data_of(fields: Fields, *, max_bytes: int) -> Fields:
    """Return a structured event's data, an object; raises ``MessageRejected``."""
    _check(
        _Attributes(
            said=fields,
            content_type=text_of(fields, "datacontenttype", max_chars=1024),
        )
    )
    content = fields.get("data_base64")
    if content is not None:
        if type(content) is not str or "data" in fields:
            raise bad_field("data_base64", "must be a text, and stand alone")
        return parse_object(base64_decoded("data_base64", content, max_bytes=max_bytes))
    data = object_of(fields, "data")
    if data is None:
        raise bad_field("data", f"is {kind_of(fields.get('data'))}, it must be a document's or a reference's object")
    return data


def _check(event: _Attributes) -> None:
    version = required_text(event.said, "specversion")
    if version != "1.0":
        raise rejected(RejectKind.NO_FORM, f"It is a CloudEvent of version {version[:40]!r}, 1.0 is read.")
    for name in _ATTRIBUTES:
        required_text(event.said, name, max_chars=8192)
    media_type = (event.content_type or "application/json").partition(";")[0].strip().lower()
    if media_type != "text/json" and not media_type.endswith(("/json", "+json")):
        raise rejected(RejectKind.NO_FORM, f"The CloudEvent's data is {media_type[:80]!r} and not JSON.")
