"""Which block each new arrival falls into: pure arithmetic, so that it can be tested without a database."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from resources.clients.catalog.values import PartitionLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """A block and how much lies in it; ``first`` is the place (from 0) of its first new arrival."""

    partition: int
    arrivals: int
    bytes: int
    first: int
    added: int = 0
    added_bytes: int = 0

    def is_full(self, limits: PartitionLimits) -> bool:
        """Say whether nothing more may be added."""
        return self.arrivals >= limits.size or self.bytes >= limits.bytes

    def takes(self, size_bytes: int, limits: PartitionLimits) -> bool:
        """Say whether one more arrival fits; an empty block takes one of any size."""
        if self.arrivals == 0:
            return True
        return self.arrivals < limits.size and self.bytes < limits.bytes and self.bytes + size_bytes <= limits.bytes


def fill_blocks(opened: Fill, sizes: Iterable[int], limits: PartitionLimits) -> list[Fill]:
    """Put arrivals of these sizes into blocks, in order, beginning with ``opened``; return the blocks touched."""
    fills: list[Fill] = []
    partition, arrivals, held = opened.partition, opened.arrivals, opened.bytes
    first, added, added_bytes = 0, 0, 0
    for at, size in enumerate(sizes):
        current = Fill(partition=partition, arrivals=arrivals, bytes=held, first=first)
        if not current.takes(size, limits):
            if added:
                fills.append(replace(current, added=added, added_bytes=added_bytes))
            partition, arrivals, held, first, added, added_bytes = partition + 1, 0, 0, at, 0, 0
        arrivals, held, added, added_bytes = arrivals + 1, held + size, added + 1, added_bytes + size
    if added:
        fills.append(
            Fill(partition=partition, arrivals=arrivals, bytes=held, first=first, added=added, added_bytes=added_bytes)
        )
    return fills
