"""Decoding dead letters again, by the collection as it is declared today: after a corrected mapping, say.

A message keeps the place that it had in its topic. So one that fits now becomes its document's version only if nothing
newer is known of its key; an older one is superseded and settled, and brings no old text back. Nothing is sent to the
dead-letter topic again: a message that still fits no form counts one replay more, and stays.
"""

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from rag_core.errors import InvalidRequest
from rag_core.messages.message import Message
from rag_core.streaming import PartitionState, Place, StreamState, TopicState
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import DeadLetter, PartitionLimits, RecordedMessages, ReplayedRange
from resources.clients.collection_files import LoadedCollection
from resources.clients.kafka.reading import KafkaReader, OffsetGone, now_ms
from sensors.queue_batch import QUEUE_TOPIC
from sensors.stream_batch import BatchMaker, StreamBatch
from sensors.stream_scope import check_cluster
from sensors.streams import open_batches, open_reader

if TYPE_CHECKING:
    from rag_core.kafka import Stream

_POLL_S = 2.0
_SILENCE_S = 15.0


class ReplayEnd(StrEnum):
    """What became of a dead letter that was replayed; all but the last two settle it."""

    RECORDED = "recorded"
    SUPERSEDED = "superseded"
    LOOKED_AT = "looked at"
    LEFT_OUT = "left out"
    STILL_DEAD = "still dead"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedLetter:
    """One dead letter's replay, with the reason where it is not settled."""

    id: int
    end: ReplayEnd
    reason: str = ""
    remedy: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to do about it."""
        return self.end not in (ReplayEnd.STILL_DEAD, ReplayEnd.GONE)


class DeadLetterReplay:
    """Replays dead letters of one collection; connects to Kafka only for those whose bytes were too large to keep."""

    def __init__(self, loaded: LoadedCollection, catalog: Catalog) -> None:
        self._loaded = loaded
        self._catalog = catalog
        self._batches: dict[str, BatchMaker] = {}
        self._readers: dict[str, KafkaReader] = {}
        collection = loaded.collection
        self._limits = PartitionLimits(size=collection.partition_size, bytes=collection.partition_bytes)

    def replay(self, letter: DeadLetter) -> ReplayedLetter:
        """Decode and record one again, and settle it if it fits now; all in one transaction.

        Raises ``DependencyUnavailable``.
        """
        new = letter.letter
        if new.topic.startswith(QUEUE_TOPIC):
            from sensors.queue_letters import replay_queued

            return replay_queued(self._loaded, self._catalog, letter)
        stream = self._stream(letter.source)
        if stream is None:
            return ReplayedLetter(
                id=letter.id,
                end=ReplayEnd.STILL_DEAD,
                reason=f"The collection {letter.collection!r} has no stream {letter.source!r} any more.",
                remedy="Declare it again to replay its dead letters, or discard them: rag dlq discard.",
            )
        if new.topic not in stream.topics:
            return ReplayedLetter(
                id=letter.id,
                end=ReplayEnd.STILL_DEAD,
                reason=f"The stream {stream.name!r} does not read the topic {new.topic} any more.",
                remedy="Put the topic back to replay its dead letters, or discard them: rag dlq discard.",
            )
        check_cluster(self._loaded.collection, stream.name, self._position(letter))
        state = self._state_of(letter)
        message = _kept(letter)
        if message is None:
            try:
                message = self._fetched(stream, letter)
            except InvalidRequest as gone:
                self._catalog.dead_letters.count_replay(letter.id)
                return ReplayedLetter(id=letter.id, end=ReplayEnd.GONE, reason=gone.message, remedy=gone.remedy)
        where: Place = (new.topic, new.place.partition)
        offset = new.place.offset
        batch = self._batches_of(stream).batch([message], {where: offset + 1}, state, clock_ms=now_ms())
        recorded = self._catalog.messages.record(
            letter.collection,
            letter.source,
            batch.messages,
            limits=self._limits,
            position=None,
            hints=batch.hints,
            described=list(batch.described.values()),
            dead=batch.dead,
            replay=f"dead-letter-{letter.id}-{letter.replays + 1}",
            replayed=ReplayedRange(
                topic=new.topic,
                incarnation=new.place.incarnation,
                partition=new.place.partition,
                first=offset,
                end=offset + 1,
            ),
        )
        if batch.dead:
            still = batch.dead[0]
            return ReplayedLetter(id=letter.id, end=ReplayEnd.STILL_DEAD, reason=still.reason, remedy=still.remedy)
        return ReplayedLetter(id=letter.id, end=_end_of(batch, recorded))

    def close(self) -> None:
        """Close connections to Kafka."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _stream(self, name: str) -> "Stream | None":
        return next((stream for stream in self._loaded.collection.streams if stream.name == name), None)

    def _batches_of(self, stream: "Stream") -> BatchMaker:
        if stream.name not in self._batches:
            self._batches[stream.name] = open_batches(self._loaded, stream)
        return self._batches[stream.name]

    def _state_of(self, letter: DeadLetter) -> StreamState:
        """Return a position that knows the message's own place: its topic's life of then, its partition's reading."""
        topic, place = letter.letter.topic, letter.letter.place
        known = self._position(letter).topics.get(topic)
        part = None if known is None else known.partitions.get(place.partition)
        reading = 1 if part is None else part.reading
        partition = PartitionState(next_offset=place.offset, reading=reading)
        return StreamState(
            topics={
                topic: TopicState(topic_id="", incarnation=place.incarnation, partitions={place.partition: partition})
            }
        )

    def _position(self, letter: DeadLetter) -> StreamState:
        return StreamState.from_json(self._catalog.recording.position(letter.collection, letter.source).value)

    def _fetched(self, stream: "Stream", letter: DeadLetter) -> Message:
        """Return a message whose value was too large to keep, from where it stood in its topic."""
        new = letter.letter
        known = self._position(letter).topics.get(new.topic)
        if stream.name not in self._readers:
            self._readers[stream.name] = open_reader(self._loaded, stream)
        reader = self._readers[stream.name]
        now = reader.describe([new.topic]).get(new.topic)
        if now is None or known is None or (now.topic_id, known.incarnation) != (known.topic_id, new.place.incarnation):
            raise _gone(letter, "the topic is not the one any more that it was read from")
        message = _message_at(reader, (new.topic, new.place.partition), new.place.offset)
        if message is None or message.key != new.key or len(message.value or b"") != new.value_bytes:
            raise _gone(letter, "it is not at its place in the topic any more")
        return message


def _kept(letter: DeadLetter) -> Message | None:
    """Return the message as it came, if the catalog has it whole."""
    new = letter.letter
    if new.value is None and new.value_bytes:
        return None
    return Message(
        topic=new.topic,
        partition=new.place.partition,
        offset=new.place.offset,
        timestamp_ms=new.place.timestamp_ms,
        key=new.key,
        value=new.value,
        headers=new.headers,
    )


def _message_at(reader: KafkaReader, place: Place, offset: int) -> Message | None:
    """Return the message at an offset; None where there is none (any more)."""
    reader.go_to({place: offset})
    heard_s = time.monotonic()
    while time.monotonic() - heard_s < _SILENCE_S:
        try:
            polled = reader.poll(timeout_s=_POLL_S, max_records=1)
        except OffsetGone:
            return None
        for message in polled.messages:
            return message if message.offset == offset else None
        if polled.next_offsets.get(place, offset) > offset:
            return None
    return None


def _end_of(batch: StreamBatch, recorded: RecordedMessages) -> ReplayEnd:
    if recorded.recorded.new:
        return ReplayEnd.RECORDED
    if recorded.superseded:
        return ReplayEnd.SUPERSEDED
    return ReplayEnd.LOOKED_AT if batch.hints else ReplayEnd.LEFT_OUT


def _gone(letter: DeadLetter, why: str) -> InvalidRequest:
    new = letter.letter
    return InvalidRequest(
        f"Dead letter {letter.id} ({new.value_bytes} bytes) was too large to keep, and {why}: "
        f"{new.topic}/{new.place.partition}, offset {new.place.offset}.",
        remedy="Send the message again, or discard it: rag dlq discard.",
    )
