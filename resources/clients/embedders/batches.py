"""Batches of like length: padding is work for nothing, and a bounded batch is bounded memory."""

from collections.abc import Iterator, Sequence

MAX_TEXTS = 16
MAX_TOKENS = 4096


def batches_of(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the indices of texts, sorted by length, in batches of bounded texts and bounded padded tokens."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        # Longest first: the first text of a batch is what all others are padded to.
        if batch and (len(batch) >= MAX_TEXTS or lengths[batch[0]] * (len(batch) + 1) > MAX_TOKENS):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
