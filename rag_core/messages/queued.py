"""What a queue's message about a bucket means: S3's notifications, EventBridge's S3 events, either in an SNS envelope.

Pure. A message is a reason to look at objects and nothing more: its order, sequencer and versions are not relied on,
and neither is who sent it (the queue's policy says who may).
"""

from typing import cast

from rag_core.arrivals import Presence
from rag_core.messages.message import MessageRejected, ObjectHint, RejectKind
from rag_core.messages.object_uris import bucket_uri
from rag_core.messages.reading import MAX_WORD_CHARS, Fields, object_of, parse_object, required_text, size_of, text_of
from rag_core.messages.s3_events import is_s3_event, s3_event

MAX_BODY_BYTES = 1024 * 1024
"""What Amazon SQS takes at most."""

_MAX_KEY_CHARS = 4096
_IN_ENVELOPES = ("Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation")


def queued_hints(body: bytes) -> tuple[ObjectHint, ...]:
    """Return the objects that a message is about; none for a test event, folder markers, keys that no source can hold.

    Raises ``MessageRejected`` where it has none of the forms, and nothing else.
    """
    if len(body) > MAX_BODY_BYTES:
        raise MessageRejected(
            RejectKind.TOO_LARGE, f"It has {len(body)} bytes, the limit is {MAX_BODY_BYTES}.", remedy=_UNCHANGED
        )
    fields = parse_object(body)
    if fields.get("Type") in _IN_ENVELOPES and "TopicArn" in fields:
        fields = _in_envelope(fields)
    if is_s3_event(fields):
        return _of_s3(fields)
    if fields.get("source") == "aws.s3" and "detail-type" in fields:
        return _of_event_bridge(fields)
    raise MessageRejected(
        RejectKind.NO_FORM,
        "It is neither S3's notification (Records) nor EventBridge's event of S3 (source: aws.s3).",
        remedy=_UNCHANGED,
    )


def _in_envelope(fields: Fields) -> Fields:
    if fields["Type"] != "Notification":
        raise MessageRejected(
            RejectKind.NO_FORM,
            f"SNS asks for something ({fields['Type']}); no URL in a message is ever opened.",
            remedy="Subscribe the queue from the topic's own account, or confirm it by sns:ConfirmSubscription; then "
            "discard this letter.",
        )
    message = required_text(fields, "Message", max_chars=MAX_BODY_BYTES)
    return parse_object(message.encode())


def _of_s3(fields: Fields) -> tuple[ObjectHint, ...]:
    """Return the objects of each record by itself: a key that nobody can read does not hide the others."""
    records = fields.get("Records")
    items = cast("list[object]", records) if type(records) is list else []
    if not items:  # a test event, or none of ours: the form's own reader says which
        return cast("tuple[ObjectHint, ...]", s3_event(fields))
    hints: list[ObjectHint] = []
    for item in items:
        try:
            hints += cast("tuple[ObjectHint, ...]", s3_event({"Records": [item]}))
        except MessageRejected as rejected:
            if rejected.kind is not RejectKind.BAD_URI:
                raise
    return tuple(hints)


def _of_event_bridge(fields: Fields) -> tuple[ObjectHint, ...]:
    """Return the object of an event; its key is written as it is, not as a form."""
    detail = object_of(fields, "detail") or {}
    bucket, stored = object_of(detail, "bucket"), object_of(detail, "object")
    if bucket is None or stored is None:
        raise MessageRejected(
            RejectKind.NO_FORM,
            "EventBridge's event has no detail.bucket and detail.object: it is no event of an object.",
            remedy=f"{_UNCHANGED} Let the rule match the detail types 'Object Created' and 'Object Deleted' only.",
        )
    key = required_text(stored, "key", max_chars=_MAX_KEY_CHARS)
    if key.endswith("/"):
        return ()
    is_gone = fields["detail-type"] == "Object Deleted"
    version = text_of(stored, "version-id", max_chars=MAX_WORD_CHARS)
    try:
        uri = bucket_uri(required_text(bucket, "name"), key)
    except MessageRejected as rejected:
        if rejected.kind is not RejectKind.BAD_URI:
            raise
        return ()
    hint = ObjectHint(
        uri=uri,
        presence=Presence.GONE if is_gone else Presence.PRESENT,
        version=version or text_of(stored, "etag", max_chars=MAX_WORD_CHARS),
        size_bytes=size_of(stored.get("size")),
        media_type=None,
        metadata={},
    )
    return (hint,)


_UNCHANGED = (
    "Let S3, EventBridge or SNS send its events to the queue unchanged, and nothing else (docs/sources.md); "
    "replay the letter after a correction of ours, or discard it."
)
