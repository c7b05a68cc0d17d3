"""What a look at a stream's topics asks for, by where the stream stands in them: pure decisions, no Kafka.

Offsets that are gone before they were read are never skipped by themselves:

- A topic of another id than the known one was deleted and made again: its offsets mean other messages. It waits for a
  person, then it is read from its beginning as the next *incarnation*, which is newer than the one before.
- A partition that no longer holds the next offset has lost messages. Where the topic is compacted, each key's newest
  message is still there: the partition is read again from its beginning, and keys that are not met any more are gone.
  On any other topic nobody knows what was lost: the partition waits for a person.
- A partition that ends before the next offset has lost messages that were read: it waits for a person, and the topic is
  then read again from its beginning as another incarnation.
- On a compacted topic, tombstones are kept for a while only. Who was away longer has missed deletions: read again.
- Partitions that were added are read from their beginning; a topic that is not there yet is waited for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from rag_core.streaming import PartitionState, Place, StreamState, TopicState


class TopicNow(Protocol):
    """A topic as its brokers describe it now."""

    @property
    def topic_id(self) -> str:
        """Differs for a topic that was deleted and made again."""
        ...

    @property
    def is_compacted(self) -> bool:
        """Whether the newest message of each key is kept."""
        ...

    @property
    def tombstones_kept_ms(self) -> int:
        """How long compaction keeps tombstones."""
        ...

    @property
    def offsets(self) -> Mapping[int, tuple[int, int]]:
        """First and next offset of each partition."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Something a person must accept before reading goes on: ``name`` says exactly what, and is what is accepted."""

    name: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """What a look at the topics asks for: ``positions`` to read at, ``losses`` that wait, ``notes`` to say aloud.

    ``state`` is the position with what changed by looking alone; ``ends`` are the partitions' next offsets.
    ``seen_every_ms`` is how often to write down that nothing was left to read.
    """

    state: StreamState
    positions: Mapping[Place, int]
    ends: Mapping[Place, int]
    seen_every_ms: Mapping[Place, int]
    losses: tuple[Loss, ...]
    notes: tuple[str, ...]
    absent: tuple[str, ...]


OFFSETS_GONE, TOPIC_RECREATED = "offsets-gone", "topic-recreated"
_SEEN_OFTENEST_MS, _SEEN_RAREST_MS = 5_000, 3_600_000


def plan_stream(
    state: StreamState,
    topics: Iterable[str],
    now: Mapping[str, TopicNow],
    *,
    accepted: frozenset[str],
    clock_ms: int,
    truncated: frozenset[Place] = frozenset(),
) -> StreamPlan:
    """Compare a position with the topics as they are; ``accepted`` names the losses that a person accepted.

    ``truncated`` are partitions whose brokers say that what was read is no longer there.
    """
    planning = _Planning(accepted=accepted, clock_ms=clock_ms, truncated=truncated)
    known = dict(state.topics)
    for name in topics:
        described = now.get(name)
        if described is None:
            planning.absent.append(name)
            continue
        known[name] = planning.topic(name, known.get(name), described)
    return StreamPlan(
        state=replace(state, topics=known),
        positions=planning.positions,
        ends=planning.ends,
        seen_every_ms=planning.seen_every_ms,
        losses=tuple(planning.losses),
        notes=tuple(planning.notes),
        absent=tuple(planning.absent),
    )


@dataclass(slots=True, kw_only=True)
class _Planning:
    accepted: frozenset[str]
    clock_ms: int
    truncated: frozenset[Place]
    positions: dict[Place, int] = field(default_factory=dict[Place, int])
    ends: dict[Place, int] = field(default_factory=dict[Place, int])
    seen_every_ms: dict[Place, int] = field(default_factory=dict[Place, int])
    losses: list[Loss] = field(default_factory=list[Loss])
    notes: list[str] = field(default_factory=list[str])
    absent: list[str] = field(default_factory=list[str])

    def topic(self, name: str, known: TopicState | None, now: TopicNow) -> TopicState:
        if known is None:
            known = TopicState(topic_id=now.topic_id, incarnation=1, partitions={})
            self.notes.append(f"topic {name} is read from its beginning")
        elif known.topic_id != now.topic_id:
            loss = Loss(
                name=f"{name}#{now.topic_id}",
                kind=TOPIC_RECREATED,
                reason=f"Topic {name} was deleted and made again: what the old one held beyond our position is lost.",
            )
            if not self._is_accepted(loss):
                return known
            known = self._begun_anew(name, known, now)
        known = self._truncated(name, known, now)
        states = dict(known.partitions)
        for number, (first, end) in sorted(now.offsets.items()):
            part = self._partition(name, number, known, now, first, end)
            if part is None:
                continue
            states[number] = part
            self.positions[name, number] = part.next_offset
            self.ends[name, number] = end
            self.seen_every_ms[name, number] = _seen_every_ms(now)
        return replace(known, partitions=states)

    def _truncated(self, name: str, known: TopicState, now: TopicNow) -> TopicState:
        """Remember the partitions that lost what was read; an accepted one begins the topic anew.

        It is remembered until then: once others have written as much again, the offsets alone show nothing.
        """
        states = dict(known.partitions)
        is_accepted = False
        for number, part in known.partitions.items():
            end = now.offsets.get(number, (0, part.next_offset))[1]
            if part.truncated_at is None and (part.next_offset > end or (name, number) in self.truncated):
                states[number] = replace(part, truncated_at=part.next_offset)
            lost_at = states[number].truncated_at
            if lost_at is None:
                continue
            loss = Loss(
                name=f"{name}/{number}#{known.incarnation}@{lost_at}>",
                kind=OFFSETS_GONE,
                reason=f"Partition {name}/{number} was read up to offset {lost_at}, but its brokers lost messages.",
            )
            is_accepted |= self._is_accepted(loss)
        known = replace(known, partitions=states)
        return self._begun_anew(name, known, now) if is_accepted else known

    def _begun_anew(self, name: str, known: TopicState, now: TopicNow) -> TopicState:
        """Return the topic at the beginning of its next life; all of it, for keys may lie in several partitions."""
        self.notes.append(f"topic {name} is read from its beginning, as another than before")
        partitions = {
            number: replace(
                part,
                next_offset=now.offsets[number][0],
                reading=part.reading + 1,
                reread_until=None,
                truncated_at=None,
                caught_up_ms=self.clock_ms,
                end_offset=now.offsets[number][1],
            )
            for number, part in known.partitions.items()
            if number in now.offsets
        }
        return TopicState(topic_id=now.topic_id, incarnation=known.incarnation + 1, partitions=partitions)

    def _partition(
        self, name: str, number: int, topic: TopicState, now: TopicNow, first: int, end: int
    ) -> PartitionState | None:
        """Return where to read a partition; None where it waits for a person."""
        known, where = topic.partitions.get(number), f"{name}/{number}"
        if known is None:
            if number:
                self.notes.append(f"partition {where} is read from its beginning")
            return PartitionState(next_offset=first, caught_up_ms=self.clock_ms)
        if known.truncated_at is not None:
            return None
        position = known.next_offset
        if first > position:
            lost = f"offsets {position} to {first - 1} of {where} are gone before they were read"
            if now.is_compacted:
                return self._again(known, first, end, lost)
            loss = Loss(
                name=f"{where}#{topic.incarnation}@{position}<",
                kind=OFFSETS_GONE,
                reason=f"{lost[0].upper()}{lost[1:]}: retention overtook us.",
            )
            return replace(known, next_offset=first) if self._is_accepted(loss) else None
        away_ms = self.clock_ms - max(known.caught_up_ms, known.newest_ms)
        if now.is_compacted and position < end and known.reread_until is None and away_ms > now.tombstones_kept_ms:
            return self._again(known, first, end, f"{where} was not read for longer than its tombstones are kept")
        return known

    def _again(self, known: PartitionState, first: int, end: int, why: str) -> PartitionState:
        self.notes.append(f"{why}; the topic is compacted and its partition is read again from its beginning")
        return replace(
            known,
            next_offset=first,
            reading=known.reading + 1,
            reread_until=end,
            caught_up_ms=self.clock_ms,
            end_offset=end,
        )

    def _is_accepted(self, loss: Loss) -> bool:
        if loss.name in self.accepted:
            return True
        self.losses.append(loss)
        return False


def _seen_every_ms(now: TopicNow) -> int:
    """Return how often to write down that a partition was read to its end: several times while a tombstone is kept.

    Each time is one small write of the position; below some seconds a topic's own setting is not followed.
    """
    if not now.is_compacted:
        return _SEEN_RAREST_MS
    return min(_SEEN_RAREST_MS, max(_SEEN_OFTENEST_MS, now.tombstones_kept_ms // 4))
