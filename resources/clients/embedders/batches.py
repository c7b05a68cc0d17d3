"""Batches of like length: padding is work for nothing, and a bounded batch in few shapes is bounded memory."""

from collections.abc import Iterator, Sequence

MAX_TEXTS = 16
MAX_TOKENS = 4096


def batches_of(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the indices of texts, longest first, in batches of 1, 2, 4, 8 or 16 texts and bounded padded tokens.

    OpenVINO makes kernels for each shape that it meets, and keeps them: with batches of any size a service that embeds
    a few sentences now and then goes on growing for thousands of questions.
    """
    ordered = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    while ordered:
        # The first text of a batch is what all others are padded to.
        fit = min(len(ordered), MAX_TEXTS, max(1, MAX_TOKENS // max(1, lengths[ordered[0]])))
        texts = 1 << (fit.bit_length() - 1)
        yield ordered[:texts]
        ordered = ordered[texts:]
