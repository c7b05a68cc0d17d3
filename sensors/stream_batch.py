"""From messages as they were read to what is recorded of them, in the order in which they came."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from rag_core.arrivals import Observation, Presence
from rag_core.descriptions import Description
from rag_core.kafka import Kafka, Stream
from rag_core.messages.dead_letters import (
    DECODED,
    MAX_KEPT_BYTES,
    MAX_REPLAYS,
    NewDeadLetter,
    announced_dead_letter,
    is_decoded,
    is_without_its_value,
    replays_of,
)
from rag_core.messages.decoding import decode
from rag_core.messages.keys import document_key, document_uri, key_text
from rag_core.messages.message import Decoded, InlineDocument, Message, MessageRejected, ObjectHint, RejectKind
from rag_core.messages.metadata import details_text
from rag_core.messages.ordering import MessagePlace, is_newer, is_said_later
from rag_core.messages.outgoing import OutboxMessage
from rag_core.streaming import PartitionState, Place, StreamState
from rag_core.traces import traceparent_of
from resources.clients.catalog.values import DescribedObject, StreamedMessage
from sensors.object_hints import HintedObject

ObserveHint = Callable[[ObjectHint], HintedObject | None]
"""What becomes of a hint: the object and what to record of it; None where its source's globs leave it out."""


@dataclass(slots=True, kw_only=True)
class StreamBatch:
    """What one reading brought, ready to be recorded; ``changes`` are the partitions' states after it."""

    messages: list[StreamedMessage] = field(default_factory=list[StreamedMessage])
    hints: dict[str, list[Observation]] = field(default_factory=dict[str, list[Observation]])
    described: dict[tuple[str, str], DescribedObject] = field(default_factory=dict[tuple[str, str], DescribedObject])
    dead: list[NewDeadLetter] = field(default_factory=list[NewDeadLetter])
    outbox: list[OutboxMessage] = field(default_factory=list[OutboxMessage])
    met: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """Keys, with the reading, of messages that fit no form."""
    changes: dict[Place, PartitionState] = field(default_factory=dict[Place, PartitionState])
    read: int = 0
    read_bytes: int = 0
    left_out: int = 0


@dataclass(slots=True)
class _Seen:
    """What is counted of one partition while its messages are decoded."""

    records: int = 0
    dead: int = 0
    newest_ms: int = 0


class BatchMaker:
    """Decodes messages of one stream; what fits no form becomes a dead letter and stops nothing."""

    def __init__(self, *, collection: str, kafka: Kafka, stream: Stream, observe: ObserveHint) -> None:
        self._collection = collection
        self._kafka = kafka
        self._stream = stream
        self._observe = observe

    def batch(
        self, messages: Iterable[Message], next_offsets: Mapping[Place, int], state: StreamState, *, clock_ms: int
    ) -> StreamBatch:
        """Return what to record; of two messages of a key in it, each is newer than the one before."""
        made = StreamBatch()
        before = {place: state.partition(place) for place in next_offsets}
        seen = {place: _Seen() for place in next_offsets}
        newest: dict[str, MessagePlace] = {}
        for message in messages:
            where = (message.topic, message.partition)
            part, counted = before[where], seen[where]
            place = MessagePlace(
                incarnation=state.topics[message.topic].incarnation,
                partition=message.partition,
                offset=message.offset,
                timestamp_ms=min(message.timestamp_ms, clock_ms),
            )
            made.read += 1
            made.read_bytes += len(message.value or b"") + len(message.key or b"")
            counted.records += 1
            counted.newest_ms = max(counted.newest_ms, place.timestamp_ms)
            try:
                for meant in self._meant(message):
                    self._take(meant, message, place, part.reading, newest, made)
            except MessageRejected as rejected:
                self._bury(message, place, rejected, made)
                if message.key:
                    made.met.append((f"{message.topic}/{key_text(message.key)}", part.reading))
                counted.dead += 1
        made.changes = {
            where: replace(
                before[where],
                next_offset=offset,
                records=before[where].records + seen[where].records,
                dead=before[where].dead + seen[where].dead,
                newest_ms=max(before[where].newest_ms, seen[where].newest_ms),
            )
            for where, offset in next_offsets.items()
        }
        return made

    def _meant(self, message: Message) -> tuple[Decoded, ...]:
        if is_without_its_value(message):
            raise MessageRejected(
                RejectKind.TOO_LARGE,
                "The message was put back without its value, which was too large for the dead-letter topic.",
                remedy="Replay the dead letter itself (rag dlq replay), or send the whole message.",
            )
        if is_decoded(message):
            raise MessageRejected(
                RejectKind.NO_FORM,
                "The message was put back with a document's bytes in place of its own value.",
                remedy="Read the message itself again, where its headers say that it stood first: rag replay; or send "
                f"a value that fits without the header {DECODED[0]}.",
            )
        stream = self._stream
        return decode(message, form=stream.form, mapping=stream.mapping, max_bytes=stream.max_message_bytes)

    def _take(
        self,
        meant: Decoded,
        message: Message,
        place: MessagePlace,
        reading: int,
        newest: dict[str, MessagePlace],
        made: StreamBatch,
    ) -> None:
        if isinstance(meant, ObjectHint):
            self._hint(meant, message, place, reading, made)
            return
        topic = message.topic
        key = document_key(topic, meant.id)
        if key in newest and not is_newer(place, newest[key]):
            made.left_out += 1
            return
        newest[key] = place
        uri = document_uri(self._kafka.cluster, key)
        body, media_type, details = None, "", ""
        if isinstance(meant, InlineDocument):
            body, media_type, details = meant.body, meant.media_type or "", _details(meant)
        made.messages.append(
            StreamedMessage(
                key=key,
                uri=uri,
                topic=topic,
                place=place,
                presence=Presence.GONE if body is None else Presence.PRESENT,
                etag="" if body is None else _etag(body, media_type, details),
                body=body,
                media_type=media_type,
                details=details,
                reading=reading,
                traceparent=traceparent_of(message.headers),
            )
        )

    def _hint(self, hint: ObjectHint, message: Message, place: MessagePlace, reading: int, made: StreamBatch) -> None:
        """Take an object that a message is about, and what it says of it unless something newer is in the batch."""
        found = self._observe(hint)
        if found is None or (found.observation is None and not found.is_described):
            made.left_out += 1
            return
        if found.observation is not None:
            seen = replace(found.observation, traceparent=traceparent_of(message.headers))
            made.hints.setdefault(found.source, []).append(seen)
        topic = message.topic
        before = made.described.get((found.source, found.key))
        if found.is_described and (
            before is None or is_said_later(topic, place, than_topic=before.topic, than=before.place)
        ):
            made.described[found.source, found.key] = DescribedObject(
                source=found.source,
                key=found.key,
                topic=topic,
                place=place,
                presence=hint.presence,
                said=_said(hint),
                reading=reading,
            )

    def _bury(self, message: Message, place: MessagePlace, rejected: MessageRejected, made: StreamBatch) -> None:
        value = message.value
        kept = value if value is None or len(value) <= MAX_KEPT_BYTES else None
        letter = NewDeadLetter(
            topic=message.topic,
            place=place,
            key=message.key,
            value=kept,
            value_bytes=len(value or b""),
            headers=message.headers,
            kind=rejected.kind.value,
            reason=storable(rejected.message),
            remedy=storable(rejected.remedy),
        )
        made.dead.append(letter)
        if self._stream.dead_letters and replays_of(message.headers) < MAX_REPLAYS:
            made.outbox.append(announced_dead_letter(self._collection, self._stream.name, letter))


def storable(text: str) -> str:
    """Return a text that PostgreSQL and headers can hold, whatever a message made of it."""
    return text.encode("utf-8", "replace").decode().replace("\0", "�")


def _details(document: InlineDocument) -> str:
    """Return what a sidecar of this document would hold; empty where the message says nothing beside the text."""
    if not document.metadata and document.title is None and document.url is None:
        return ""
    return details_text(document.metadata, title=document.title, url=document.url)


def _said(hint: ObjectHint) -> Description:
    """Return what a reference says of its object; nothing where it says that the object is gone."""
    if hint.presence is Presence.GONE:
        return Description(media_type="", details="")
    details = details_text(hint.metadata, title=None, url=None) if hint.metadata else ""
    return Description(media_type=hint.media_type or "", details=details)


def _etag(body: bytes, media_type: str, details: str) -> str:
    """Return what changes when the document does."""
    digest = hashlib.sha256(body)
    digest.update(f"\0{media_type}\0{details}".encode())
    return digest.hexdigest()[:32]
