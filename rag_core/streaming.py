"""Where a stream stands in its topics: the position that the catalog keeps, moved with what it passed. No Kafka."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from rag_core.identity import Json

Place = tuple[str, int]
"""A topic and a partition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionState:
    """How far a partition is recorded: ``next_offset`` is read next.

    ``reading`` counts the passes from its beginning; one that goes on until ``reread_until`` concludes then which keys
    are gone. ``caught_up_ms`` is when nothing was left to read; ``records`` and ``dead`` count since the beginning.
    ``end_offset`` and ``records_per_s`` are those of the last recording. ``truncated_at`` is how far the partition was
    read when its brokers lost some of that, until a person accepts it.
    """

    next_offset: int
    reading: int = 1
    reread_until: int | None = None
    caught_up_ms: int = 0
    records: int = 0
    dead: int = 0
    newest_ms: int = 0
    end_offset: int = 0
    truncated_at: int | None = None
    records_per_s: float = 0.0

    @property
    def lag(self) -> int:
        """How many offsets were left when the partition was recorded last."""
        return max(0, self.end_offset - self.next_offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicState:
    """A topic's id, which of its lives it is in, and its partitions."""

    topic_id: str
    incarnation: int
    partitions: Mapping[int, PartitionState]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    """A stream's position: all topics that it was ever read from, and the name under which their cluster was known."""

    topics: Mapping[str, TopicState] = field(default_factory=dict[str, TopicState])
    cluster: str = ""

    @classmethod
    def from_json(cls, value: Mapping[str, Json]) -> Self:
        """Return what ``to_json`` made; an empty value is a stream that was never read."""
        stored: Any = value.get("topics") or {}
        return cls(
            topics={
                name: TopicState(
                    topic_id=topic["id"],
                    incarnation=topic["incarnation"],
                    partitions={int(number): PartitionState(**part) for number, part in topic["partitions"].items()},
                )
                for name, topic in stored.items()
            },
            cluster=str(value.get("cluster") or ""),
        )

    def to_json(self) -> dict[str, Json]:
        """Return it as the catalog stores it."""
        topics: dict[str, Json] = {
            name: {
                "id": topic.topic_id,
                "incarnation": topic.incarnation,
                "partitions": {str(number): _json_of(part) for number, part in sorted(topic.partitions.items())},
            }
            for name, topic in sorted(self.topics.items())
        }
        return {"topics": topics, "cluster": self.cluster}

    def partition(self, place: Place) -> PartitionState:
        """Return a partition's state; raises ``KeyError``."""
        return self.topics[place[0]].partitions[place[1]]

    def moved(self, changes: Mapping[Place, PartitionState]) -> "StreamState":
        """Return the state with other partitions' states."""
        topics = dict(self.topics)
        for (name, number), part in changes.items():
            topics[name] = replace(topics[name], partitions={**topics[name].partitions, number: part})
        return replace(self, topics=topics)


def caught_up(
    state: StreamState, ends: Mapping[Place, int], every_ms: Mapping[Place, int], *, looked_ms: int
) -> StreamState | None:
    """Return the state that remembers which partitions had nothing left when they were looked at; None: none to write.

    A partition's own time moves when something was read; one that idles is written once in its ``every_ms``.
    """
    changes = {
        place: replace(part, caught_up_ms=looked_ms)
        for place, end in ends.items()
        if (part := state.partition(place)).next_offset >= end and looked_ms - part.caught_up_ms > every_ms[place]
    }
    return state.moved(changes) if changes else None


def partition_lines(state: StreamState, ends: Mapping[Place, int], *, clock_ms: int) -> tuple[str, ...]:
    """Return a sentence for each partition: where it is, how far behind, how fast, how old its newest message."""
    lines: list[str] = []
    for (topic, number), end in sorted(ends.items()):
        part = state.partition((topic, number))
        age = f", newest message {max(0, clock_ms - part.newest_ms) / 1000:.0f} s old" if part.newest_ms else ""
        lines.append(
            f"{topic}/{number} at offset {part.next_offset}: lag {max(0, end - part.next_offset)}, "
            f"{part.records} records ({part.records_per_s}/s last), {part.dead} dead letters{age}"
        )
    return tuple(lines)


def _json_of(part: PartitionState) -> Json:
    stored: dict[str, Json] = {
        "next_offset": part.next_offset,
        "reading": part.reading,
        "caught_up_ms": part.caught_up_ms,
        "records": part.records,
        "dead": part.dead,
        "newest_ms": part.newest_ms,
        "end_offset": part.end_offset,
        "records_per_s": part.records_per_s,
    }
    if part.truncated_at is not None:
        stored["truncated_at"] = part.truncated_at
    if part.reread_until is not None:
        stored["reread_until"] = part.reread_until
    return stored
