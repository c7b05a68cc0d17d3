"""One stream's reading, a bounded tick at a time: looks at the topics, reads, decodes, records. No Dagster.

A tick does, in this order:

1. remember what the collection file declares (a topic that it holds no more stops red); look at the topics as they
   are, and compare them with the position;
2. what was lost without being read stops red until a person accepts it; the other partitions go on;
3. read at the catalog's position; record arrivals, bytes, dead letters and the new position in one transaction;
4. only then commit the group's offsets: they are for lag tools, nobody here reads them;
5. where a compacted partition was read again to its end, conclude which of its keys are gone.

The sensor and the listener both do this, at once if need be: of two that read the same, the second records nothing.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from rag_core.collection import Collection
from rag_core.errors import DependencyUnavailable
from rag_core.kafka import Stream
from rag_core.stream_plan import Loss, StreamPlan, plan_stream
from rag_core.streaming import PartitionState, Place, StreamState, caught_up, partition_lines
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import (
    PartitionLimits,
    PositionChange,
    PositionMoved,
    RecordedMessages,
    StopKind,
)
from resources.clients.kafka.reading import KafkaReader, OffsetGone, Polled, TopicNow, now_ms
from sensors.declared_sources import declared_sources
from sensors.recording_behind import RecordingBehind
from sensors.stream_batch import BatchMaker, StreamBatch
from sensors.stream_scope import within_scope
from sensors.stream_tick import StreamEnd, StreamTick

POLL_RECORDS = 2500
"""Messages of a batch: while one is recorded the next is read and decoded, so fewer leave less time without both."""
_SHORTEST_POLL_S = 0.2
_LOSSES = (StopKind.OFFSETS_GONE, StopKind.TOPIC_RECREATED)
_log = logging.getLogger("rag.streams")


class StreamConsumer:
    """Reads one stream; every call of ``tick`` goes on where the catalog says the last one stopped."""

    def __init__(
        self,
        *,
        collection: Collection,
        stream: Stream,
        reader: KafkaReader,
        batches: BatchMaker,
        catalog: Catalog,
        describe_every_s: float = 0.0,
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._collection = collection
        self._stream = stream
        self._reader = reader
        self._batches = batches
        self._catalog = catalog
        self._describe_every_s = describe_every_s
        self._described: Mapping[str, TopicNow] = {}
        self._described_at_s = -math.inf
        self._looked_ms = 0
        self._truncated: frozenset[Place] = frozenset()
        self._clock_ms = clock_ms
        self._limits = PartitionLimits(size=collection.partition_size, bytes=collection.partition_bytes)

    def close(self) -> None:
        """Close the connections to Kafka."""
        self._reader.close()

    def tick(self, *, max_s: float | None = None, wait_s: float = 0.0) -> StreamTick:
        """Read for ``max_s`` at most (default: the stream's), waiting up to ``wait_s`` for the first message.

        Raises ``DependencyUnavailable`` while Kafka or the catalog is away: nothing is lost, nothing is skipped.
        """
        began_s = time.monotonic()
        self._catalog.sources.declared(self._collection.name, declared_sources(self._collection))
        limit_s = self._stream.tick.max_s if max_s is None else max_s
        try:
            tick = self._tick(began_s, limit_s, wait_s)
        except (PositionMoved, OffsetGone) as moved:
            self._described_at_s = -math.inf
            self._truncated = moved.truncated if isinstance(moved, OffsetGone) else frozenset()
            _log.info("%s/%s: %s", self._collection.name, self._stream.name, moved)
            tick = StreamTick(stream=self._stream.name, end=StreamEnd.OVERTAKEN)
        self._catalog.stream_troubles.over(self._collection.name, self._stream.name)
        stops = tuple(self._catalog.sources.stopped(self._collection.name, self._stream.name))
        return replace(tick, stops=stops, seconds=time.monotonic() - began_s)

    def _tick(self, began_s: float, limit_s: float, wait_s: float) -> StreamTick:
        position = self._catalog.recording.position(self._collection.name, self._stream.name)
        stored = StreamState.from_json(position.value)
        known = within_scope(self._catalog, self._collection, self._stream, stored)
        if known is None:
            return StreamTick(stream=self._stream.name, end=StreamEnd.WAITING)
        plan = self._plan(known)
        for note in plan.notes:
            _log.warning("%s/%s: %s", self._collection.name, self._stream.name, note)
        self._stop(plan.losses)
        tick = StreamTick(stream=self._stream.name, end=StreamEnd.CAUGHT_UP, notes=plan.notes, absent=plan.absent)
        self._truncated = frozenset()
        with RecordingBehind(self._record, version=position.version) as recording:
            state = plan.state
            if state != stored:
                recording.begin(StreamBatch(), state)
            if plan.positions:
                self._reader.go_to(plan.positions)
                state, tick = self._read(plan, state, tick, recording, ends_s=began_s + limit_s, wait_s=wait_s)
            recording.wait()
        for recorded in recording.recorded:
            tick = _added(tick, recorded)
        if tick.read:
            self._commit({place: state.partition(place).next_offset for place in plan.positions})
        state, deleted = self._conclude(state, recording.version)
        lag = sum(max(0, end - state.partition(place).next_offset) for place, end in plan.ends.items())
        end = StreamEnd.UNDER_WAY if lag else StreamEnd.CAUGHT_UP
        shown = partition_lines(state, plan.ends, clock_ms=self._clock_ms())
        return replace(tick, end=end, lag=lag, deleted=deleted, partitions=shown)

    def _read(
        self,
        plan: StreamPlan,
        state: StreamState,
        tick: StreamTick,
        recording: RecordingBehind,
        *,
        ends_s: float,
        wait_s: float,
    ) -> tuple[StreamState, StreamTick]:
        """Read until nothing is left or the tick's bounds are reached; return the state after it."""
        limits = self._stream.tick
        read_bytes = 0
        while tick.read < limits.max_records and read_bytes < limits.max_bytes:
            polling_s = time.monotonic()
            polled = self._poll(plan, state, wait_s if not tick.read else 0.0, most=limits.max_records - tick.read)
            if not polled.next_offsets:
                break
            batch = self._batches.batch(polled.messages, polled.next_offsets, state, clock_ms=self._clock_ms())
            state = state.moved(self._measured(batch, state, plan, time.monotonic() - polling_s))
            recording.begin(batch, state)
            read_bytes += batch.read_bytes
            tick = replace(tick, read=tick.read + batch.read, superseded=tick.superseded + batch.left_out)
            if time.monotonic() >= ends_s:
                break
        idle = caught_up(state, plan.ends, plan.seen_every_ms, looked_ms=self._looked_ms)
        if idle is not None:
            recording.begin(StreamBatch(), idle)
        return idle or state, tick

    def _plan(self, known: StreamState) -> StreamPlan:
        """Plan by a description that may be some seconds old; what looks like a loss is looked at once more."""
        plan = self._planned(known, accepted=frozenset())
        if not plan.losses:
            return plan
        self._described_at_s = -math.inf
        return self._planned(known, accepted=self._accepted())

    def _planned(self, known: StreamState, *, accepted: frozenset[str]) -> StreamPlan:
        return plan_stream(
            known,
            self._stream.topics,
            self._topics_now(),
            accepted=accepted,
            clock_ms=self._clock_ms(),
            truncated=self._truncated,
        )

    def _topics_now(self) -> Mapping[str, TopicNow]:
        now_s = time.monotonic()
        if now_s - self._described_at_s >= self._describe_every_s:
            looked_ms = self._clock_ms()
            self._described = self._reader.describe(self._stream.topics)
            self._described_at_s = now_s
            self._looked_ms = looked_ms
        return self._described

    def _poll(self, plan: StreamPlan, state: StreamState, wait_s: float, *, most: int) -> Polled:
        """Read what is there; where something is known to be, wait long enough for a fetch to bring it."""
        behind = any(state.partition(place).next_offset < end for place, end in plan.ends.items())
        timeout_s = max(wait_s, 2.0 if behind else _SHORTEST_POLL_S)
        return self._reader.poll(timeout_s=timeout_s, max_records=min(POLL_RECORDS, most))

    def _measured(
        self, batch: StreamBatch, before: StreamState, plan: StreamPlan, seconds: float
    ) -> dict[Place, PartitionState]:
        """Return the partitions' states after a batch that took some seconds, waiting for it included."""
        return {
            place: replace(
                part,
                end_offset=max(plan.ends.get(place, 0), part.next_offset),
                caught_up_ms=self._looked_ms if part.next_offset >= plan.ends.get(place, 0) else part.caught_up_ms,
                records_per_s=round((part.records - before.partition(place).records) / max(seconds, 0.001), 1),
            )
            for place, part in batch.changes.items()
        }

    def _record(self, batch: StreamBatch, state: StreamState, version: int) -> RecordedMessages:
        return self._catalog.messages.record(
            self._collection.name,
            self._stream.name,
            batch.messages,
            limits=self._limits,
            position=PositionChange(value=state.to_json(), expected_version=version),
            hints=batch.hints,
            described=list(batch.described.values()),
            dead=batch.dead,
            outbox=batch.outbox,
            met=batch.met,
        )

    def _commit(self, offsets: Mapping[Place, int]) -> None:
        try:
            self._reader.commit(offsets)
        except DependencyUnavailable as error:
            _log.info("offsets for lag tools are not committed: %s", error.message)

    def _conclude(self, state: StreamState, version: int) -> tuple[StreamState, int]:
        """Conclude what is gone from partitions that were read again to where they ended then; see ``Sources``."""
        names = self._collection.name, self._stream.name
        done = {
            (topic, number): part
            for topic, known in state.topics.items()
            for number, part in known.partitions.items()
            if part.reread_until is not None and part.next_offset >= part.reread_until
        }
        if not done or self._catalog.sources.stopped(*names):
            return state, 0
        for (topic, number), part in sorted(done.items()):
            self._catalog.descriptions.forget_unmet(
                self._collection.name,
                [source.name for source in self._collection.sources],
                topic=topic,
                partition=number,
                reading=part.reading,
                limits=self._limits,
            )
        sweep = self._catalog.sources.begin_sweep(*names)  # first: what is recorded from here on is no candidate
        missing = [
            key
            for (topic, number), part in sorted(done.items())
            for key in self._catalog.messages.missing_after(*names, topic, number, part.reading)
        ]
        self._catalog.sources.stage_missing(*names, sweep.id, missing)
        state = state.moved({place: replace(part, reread_until=None) for place, part in done.items()})
        concluded = self._catalog.sources.conclude(
            *names,
            sweep.id,
            limits=self._limits,
            position=PositionChange(value=state.to_json(), expected_version=version),
        )
        return state, concluded.recorded.new

    def _accepted(self) -> frozenset[str]:
        """Return the losses that a person accepted last."""
        names = self._collection.name, self._stream.name
        confirmed = [self._catalog.sources.confirmed(*names, kind) for kind in _LOSSES]
        return frozenset(
            str(loss)
            for stop in confirmed
            if stop is not None and isinstance(losses := stop.detail.get("losses"), list)
            for loss in losses
        )

    def _stop(self, losses: tuple[Loss, ...]) -> None:
        if not losses:
            return
        self._catalog.sources.stop(
            self._collection.name,
            self._stream.name,
            StopKind(losses[0].kind),
            " ".join(loss.reason for loss in losses)[:1000],
            {"losses": [loss.name for loss in losses]},
        )


def _added(tick: StreamTick, recorded: RecordedMessages) -> StreamTick:
    return replace(
        tick,
        recorded=tick.recorded + recorded.recorded.new,
        hinted=tick.hinted + recorded.hinted,
        superseded=tick.superseded + recorded.superseded,
        dead=tick.dead + recorded.dead,
    )
