"""Measuring a text in tokens: where each one starts, in bounded memory and with no token of endless length."""

from array import array
from collections.abc import Iterator, Sequence
from typing import Protocol

_SEGMENT_CHARACTERS = 65_536
_LONGEST_CHARACTERS = 48


class TokenOffsets(Protocol):
    """A tokenizer as the chunker needs it."""

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Return the character span of every token, in order, without special tokens and without truncation."""
        ...


def token_starts(text: str, tokenizer: TokenOffsets) -> Sequence[int]:
    """Return where the tokens of a text start.

    A long word that the model does not know is one token however long it is, and blank space is none: every 48
    characters count as a token at least, or a megabyte of base64 would be one chunk.
    """
    starts = array("Q")
    last = 0
    for segment_start, segment_end in _segments(text):
        for start, end in tokenizer.offsets(text[segment_start:segment_end]):
            if end > start:
                starts.extend(range(last + _LONGEST_CHARACTERS, segment_start + start, _LONGEST_CHARACTERS))
                last = segment_start + start
                starts.append(last)
    starts.extend(range(last + _LONGEST_CHARACTERS, len(text), _LONGEST_CHARACTERS))
    return starts


def _segments(text: str) -> Iterator[tuple[int, int]]:
    """Yield pieces that are tokenized one by one, cut before blank space: a token's record is far larger than it."""
    start = 0
    while len(text) - start > _SEGMENT_CHARACTERS:
        limit = start + _SEGMENT_CHARACTERS
        end = max(text.rfind("\n", start + 1, limit), text.rfind(" ", start + 1, limit))
        end = end if end > start else limit
        yield start, end
        start = end
    if start < len(text):
        yield start, len(text)
