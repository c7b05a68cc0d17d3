"""Streams as users see them: how far each is recorded, and what of it waits for a person.

All of it is the catalog's: nothing here asks Kafka, so the lag is that of the last recording.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, Field

from query_api.shapes.stops import StoppedSource, stopped
from rag_core.streaming import PartitionState, StreamState
from resources.clients.catalog.values import Stop, StreamPosition, StreamTrouble


class PartitionShape(BaseModel):
    """A partition and how far it is recorded."""

    partition: int
    next_offset: int = Field(description="The offset that is read next.")
    lag: int = Field(description="Offsets that were left to read when the partition was recorded last.")
    records: int = Field(description="Messages read since the beginning.")
    records_per_s: float = Field(description="Rate of the last reading, waiting included.")
    dead_letters: int = Field(description="Dead letters that wait to be replayed or discarded.")
    newest_message_age_s: float | None = Field(description="Age of the newest message read; null before the first.")
    caught_up_age_s: float | None = Field(
        description="For how long nothing was seen to be left to read; of an idle partition written once an hour."
    )


class TopicShape(BaseModel):
    """A topic of a stream; ``incarnation`` counts how often it was made again, or lost what was read."""

    topic: str
    incarnation: int
    partitions: list[PartitionShape]


class TroubleShape(BaseModel):
    """Why a stream is not read at present; it is tried again by itself."""

    reason: str
    since: datetime
    tried_at: datetime


class StreamShape(BaseModel):
    """A stream of a collection; one that was never read has no topics yet."""

    name: str
    records: int
    dead_letters: int = Field(description="Dead letters that wait, in all topics of the stream.")
    moved_at: datetime | None = Field(description="Null before anything was recorded.")
    position_age_s: float | None = Field(description="For how long the position has not moved.")
    stops: list[StoppedSource] = Field(description="What waits for a person; meanwhile its lag is not looked at.")
    trouble: TroubleShape | None = Field(description="What kept it from being read when that was tried last.")
    topics: list[TopicShape]


class CollectionStreams(BaseModel):
    """A collection's streams, and how many messages (outcomes, dead letters) wait to be sent to Kafka."""

    collection: str
    waiting_to_be_sent: int
    streams: list[StreamShape]


def unread_shape(name: str, stops: Sequence[Stop], trouble: StreamTrouble | None) -> StreamShape:
    """Return a declared stream of which nothing was ever recorded."""
    return StreamShape(
        name=name,
        records=0,
        dead_letters=0,
        moved_at=None,
        position_age_s=None,
        stops=[stopped(stop) for stop in stops],
        trouble=trouble_shape(trouble),
        topics=[],
    )


def stream_shape(
    position: StreamPosition,
    dead: Mapping[tuple[str, str, int], int],
    stops: Sequence[Stop],
    trouble: StreamTrouble | None,
) -> StreamShape:
    """Return a stream as users see it; ``dead`` are its collection's dead letters by stream, topic and partition."""
    now_s = position.now.timestamp()
    state = StreamState.from_json(position.state)
    topics = [
        TopicShape(
            topic=name,
            incarnation=topic.incarnation,
            partitions=[
                _partition(number, part, dead.get((position.source, name, number), 0), now_s)
                for number, part in sorted(topic.partitions.items())
            ],
        )
        for name, topic in sorted(state.topics.items())
    ]
    return StreamShape(
        name=position.source,
        records=sum(part.records for topic in topics for part in topic.partitions),
        dead_letters=sum(letters for (source, _, _), letters in dead.items() if source == position.source),
        moved_at=position.moved_at,
        position_age_s=_age(position.moved_at.timestamp(), now_s),
        stops=[stopped(stop) for stop in stops],
        trouble=trouble_shape(trouble),
        topics=topics,
    )


def _partition(number: int, part: PartitionState, dead: int, now_s: float) -> PartitionShape:
    return PartitionShape(
        partition=number,
        next_offset=part.next_offset,
        lag=part.lag,
        records=part.records,
        records_per_s=part.records_per_s,
        dead_letters=dead,
        newest_message_age_s=_age(part.newest_ms / 1000, now_s) if part.newest_ms > 0 else None,
        caught_up_age_s=_age(part.caught_up_ms / 1000, now_s) if part.caught_up_ms > 0 else None,
    )


def trouble_shape(trouble: StreamTrouble | None) -> TroubleShape | None:
    """Return why something is not read, as users see it."""
    if trouble is None:
        return None
    return TroubleShape(reason=trouble.reason, since=trouble.since, tried_at=trouble.tried_at)


def _age(at_s: float, now_s: float) -> float:
    return round(max(0.0, now_s - at_s), 3)
