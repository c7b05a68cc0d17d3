"""Micro-batches: a few arrivals at a time, bounded in number, in source bytes and in text; suspects alone."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from resources.clients.catalog.due import Due
from resources.clients.catalog.values import Claim, DueArrival

MAX_ARRIVALS = 64
MAX_SOURCE_BYTES = 64 * 1024 * 1024
MAX_TEXT_BYTES = 32 * 1024 * 1024
"""Text read ahead of the layers after it; a small archive can hold a thousand times its size in text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroBatch:
    """Arrivals of different documents to take through the layers together; ``alone``: a suspect, nothing beside it."""

    tasks: Sequence[DueArrival]
    alone: bool

    @property
    def numbers(self) -> list[int]:
        """Return the arrivals' numbers."""
        return [task.arrival.number for task in self.tasks]


class MicroBatches:
    """A block's work, a micro-batch at a time; each arrival comes once in a run.

    To reconcile, each document's newest arrival in the block comes first, due or not. ``take`` looks afresh whenever
    nothing is left of an earlier look, so what becomes due while the block is worked on is found by the last one.
    """

    def __init__(self, due: Due, claim: Claim, *, reconcile: bool) -> None:
        self._due = due
        self._claim = claim
        self._seen: set[int] = set()
        newest = due.newest_in_block(claim.collection, claim.partition) if reconcile else []
        self._waiting = deque(_split(newest))

    def take(self, *, beside_another: bool) -> MicroBatch | None:
        """Return the next micro-batch, or None if nothing is due; ``beside_another`` leaves a suspect for later."""
        if not self._waiting:
            limit = MAX_ARRIVALS + len(self._seen)
            due = [one for one in self._due.arrivals(self._claim, limit=limit) if one.arrival.number not in self._seen]
            # Only the first batch of each look: what lies behind it may be settled by the time its turn comes.
            self._waiting.extend(islice(_split(due), 1))
        if not self._waiting or (beside_another and self._waiting[0].alone):
            return None
        batch = self._waiting.popleft()
        self._seen.update(batch.numbers)
        return batch


def _split(tasks: Sequence[DueArrival]) -> Iterator[MicroBatch]:
    waiting: list[DueArrival] = []
    size = 0
    for task in tasks:
        cost = task.arrival.size_bytes
        full = len(waiting) >= MAX_ARRIVALS or (waiting and size + cost > MAX_SOURCE_BYTES)
        if waiting and (full or task.alone or waiting[-1].alone):
            yield MicroBatch(tasks=tuple(waiting), alone=waiting[0].alone)
            waiting, size = [], 0
        waiting.append(task)
        size += cost
    if waiting:
        yield MicroBatch(tasks=tuple(waiting), alone=waiting[0].alone)
