"""Recording again what a range of a partition holds: after a changed mapping, or after documents were lost elsewhere.

A replay reads beside the position and never moves it. Each message keeps its place in Kafka's order: one that is older
than what is known of its key is superseded and changes nothing, so old text never comes back; one that is the newest of
its key becomes an arrival again, made by today's mapping. A replay that was killed is simply begun again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from rag_core.collection import Collection
from rag_core.errors import InvalidRequest
from rag_core.streaming import Place, StreamState
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import PartitionLimits, ReplayedRange
from resources.clients.kafka.reading import KafkaReader, OffsetGone, now_ms
from sensors.stream_batch import BatchMaker
from sensors.stream_scope import check_cluster

_POLL_RECORDS = 2000
_SILENCE_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay did: of the offsets ``first`` to ``end`` (not in it), those below ``at`` were read again."""

    first: int
    end: int
    at: int
    read: int = 0
    recorded: int = 0
    hinted: int = 0
    superseded: int = 0
    dead: int = 0


class StreamReplay:
    """Replays ranges of one stream's partitions; ``reader`` belongs to it alone."""

    def __init__(
        self, *, collection: Collection, stream: str, reader: KafkaReader, batches: BatchMaker, catalog: Catalog
    ) -> None:
        self._collection = collection
        self._stream = stream
        self._reader = reader
        self._batches = batches
        self._catalog = catalog
        self._limits = PartitionLimits(size=collection.partition_size, bytes=collection.partition_bytes)

    def replay(
        self, place: Place, *, first: int | None, end: int | None, said: Callable[[Replayed], None] = lambda _: None
    ) -> Replayed:
        """Record offsets ``first`` to ``end`` (not in it) again; None is the partition's beginning, or our position.

        Raises ``InvalidRequest`` where the range is empty or beyond what was read, or was deleted from the topic.
        """
        state = StreamState.from_json(self._catalog.recording.position(self._collection.name, self._stream).value)
        check_cluster(self._collection, self._stream, state)
        begin, until = self._range(place, state, first, end)
        replay = uuid4().hex[:8]
        done = Replayed(first=begin, end=until, at=begin)
        self._reader.go_to({place: begin})
        at, heard_s = begin, time.monotonic()
        while at < until:
            try:
                polled = self._reader.poll(timeout_s=2, max_records=_POLL_RECORDS)
            except OffsetGone as gone:
                raise InvalidRequest(f"Offsets from {at} on are gone by now.", remedy="Begin later.") from gone
            if place not in polled.next_offsets:
                if time.monotonic() - heard_s > _SILENCE_S:
                    raise InvalidRequest(
                        f"{place[0]}/{place[1]} gave nothing from offset {at} on.", remedy="Look at its brokers."
                    )
                continue
            heard_s = time.monotonic()
            wanted = [message for message in polled.messages if message.offset < until]
            batch = self._batches.batch(wanted, polled.next_offsets, state, clock_ms=now_ms())
            recorded = self._catalog.messages.record(
                self._collection.name,
                self._stream,
                batch.messages,
                limits=self._limits,
                position=None,
                hints=batch.hints,
                described=list(batch.described.values()),
                dead=batch.dead,
                replay=replay,
                replayed=ReplayedRange(
                    topic=place[0],
                    incarnation=state.topics[place[0]].incarnation,
                    partition=place[1],
                    first=at,
                    end=min(polled.next_offsets[place], until),
                ),
            )
            at = polled.next_offsets[place]
            done = Replayed(
                first=begin,
                end=until,
                at=min(at, until),
                read=done.read + batch.read,
                recorded=done.recorded + recorded.recorded.new,
                hinted=done.hinted + recorded.hinted,
                superseded=done.superseded + recorded.superseded + batch.left_out,
                dead=done.dead + recorded.dead,
            )
            said(done)
        return done

    def _range(self, place: Place, state: StreamState, first: int | None, end: int | None) -> tuple[int, int]:
        topic, number = place
        try:
            position = state.partition(place).next_offset
        except KeyError as error:
            raise InvalidRequest(
                f"Partition {topic}/{number} was never read by {self._stream}.",
                remedy="'rag status' shows which topics and partitions are read.",
            ) from error
        now = self._reader.describe([topic]).get(topic)
        if now is None or now.topic_id != state.topics[topic].topic_id or number not in now.offsets:
            raise InvalidRequest(f"The topic {topic} that was read is not there any more.", remedy="See rag sources.")
        beginning = now.offsets[number][0]
        begin = beginning if first is None else first
        until = position if end is None else min(end, position)
        if begin < beginning:
            raise InvalidRequest(
                f"{topic}/{number} begins at offset {beginning} by now; {begin} is gone.",
                remedy=f"Begin at {beginning}.",
            )
        if begin >= until:
            raise InvalidRequest(
                f"Offsets {begin} to {until} of {topic}/{number} hold nothing to replay; it is read up to {position}.",
                remedy="Give --from below --to; what is not read yet comes by itself.",
            )
        return begin, until
