"""Messages that could not be made use of, and how each is announced on its topic's dead-letter topic.

A letter says where its message stood first: one that somebody put back into the topic, headers and all, keeps that
origin and counts its replays, so that a message which never fits does not go round for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid5

from rag_core.messages.message import Message
from rag_core.messages.ordering import MessagePlace
from rag_core.messages.outgoing import ID_HEADER, LEFT_OUT_HEADER, Headers, OutboxMessage

DEAD_LETTERS_SUFFIX = ".dlq"

MAX_KEPT_BYTES = 1024 * 1024
"""A dead letter's value beyond this is not kept in the catalog, nor sent: it is named by its place in the topic."""

MAX_REPLAYS = 5
"""A message that was put back so often is still recorded, but not sent to the dead-letter topic any more."""

REPLAYS_HEADER = "rag-replays"

DECODED = ("rag-value-is", "decoded")
"""Stands in the letter of a quarantined document: its value is the document's bytes, not the message as it came."""

_ORIGIN = ("rag-topic", "rag-partition", "rag-offset", "rag-timestamp-ms")
_MAX_ORIGIN_BYTES = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeadLetter:
    """A message that fits no form; ``value`` is None where it is none, or too large to be kept (``value_bytes``)."""

    topic: str
    place: MessagePlace
    key: bytes | None
    value: bytes | None
    value_bytes: int
    headers: Headers
    kind: str
    reason: str
    remedy: str


def announced_dead_letter(
    collection: str, stream: str, letter: NewDeadLetter, *, more: Mapping[str, str] | None = None
) -> OutboxMessage:
    """Return the message for the dead-letter topic: bytes and headers as they came, place and reason in more headers.

    A value that is too large to be sent again is left out: ``rag-value`` says where it is. ``more`` are headers that
    say more of it.
    """
    place = letter.place
    words = {
        "rag-collection": collection,
        "rag-stream": stream,
        "rag-topic": letter.topic,
        "rag-partition": str(place.partition),
        "rag-offset": str(place.offset),
        "rag-timestamp-ms": str(place.timestamp_ms),
        "rag-reason-kind": letter.kind,
        "rag-reason": letter.reason,
        "rag-remedy": letter.remedy,
        **(more or {}),
    }
    if letter.value is None and letter.value_bytes:
        words[LEFT_OUT_HEADER] = f"{letter.topic}/{place.partition}/{place.offset} ({letter.value_bytes} bytes)"
    ours = {name: word.encode() for name, word in words.items()}
    origin = _origin_of(letter.headers)
    if origin:
        ours |= {**origin, REPLAYS_HEADER: str(replays_of(letter.headers) + 1).encode()}
    theirs = tuple((name, value) for name, value in letter.headers if name not in {*ours, ID_HEADER})
    return OutboxMessage(
        topic=f"{letter.topic}{DEAD_LETTERS_SUFFIX}",
        key=letter.key,
        value=letter.value,
        headers=(*theirs, *ours.items()),
    )


def quarantine_id(collection: str, document: UUID, letter: NewDeadLetter) -> str:
    """Return the outbox id of a quarantined document's letter: the same for the same message with the same reason kind.

    So a replay that ends in the same quarantine sends a repeat, which a consumer drops.
    """
    place = letter.place
    where = f"{letter.topic}/{place.incarnation}/{place.partition}/{place.offset}"
    return f"{collection}/{uuid5(document, f'{where}/{letter.kind}')}"


def replays_of(headers: Headers) -> int:
    """Return how often a message says that it was put back; 0 where it says nothing that is a number."""
    for name, value in headers:
        if name == REPLAYS_HEADER and value is not None and value.isdigit() and len(value) <= 9:
            return int(value)
    return 0


def is_without_its_value(message: Message) -> bool:
    """Say whether a message was put back whose value had been left out: its null value means no deletion."""
    return message.value is None and any(name == LEFT_OUT_HEADER for name, _ in message.headers)


def is_decoded(message: Message) -> bool:
    """Say whether a message was put back that holds a document's own bytes: they fit no form, whatever their looks."""
    return any(name == DECODED[0] for name, _ in message.headers)


def _origin_of(headers: Headers) -> dict[str, bytes]:
    """Return where a message that came back stood first; empty for one that did not."""
    said = {
        name: value
        for name, value in reversed(headers)
        if name in _ORIGIN and value is not None and len(value) <= _MAX_ORIGIN_BYTES
    }
    return said if len(said) == len(_ORIGIN) else {}
