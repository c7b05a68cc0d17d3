"""Measuring a text in tokens: where each one starts, in bounded memory and with no token of endless length."""

from array import array
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Protocol

RESERVED_TOKENS = 8
"""Of a model's limit, what is left for its special tokens and the prompt that it puts in front of a document."""

_SEGMENT_CHARACTERS = 65_536
_LONGEST_CHARACTERS = 48


class TokenOffsets(Protocol):
    """A tokenizer as measuring needs it."""

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Return the character span of every token, in order, without special tokens and without truncation."""
        ...


class ModelTokens(TokenOffsets, Protocol):
    """A model as the chunker needs it: its tokenizer and how much it sees at once."""

    @property
    def max_tokens(self) -> int:
        """Longest text the model sees, special tokens included."""
        ...


def token_starts(text: str, tokenizer: TokenOffsets) -> Sequence[int]:
    """Return where the tokens of a text start.

    A long word that the model does not know is one token however long it is, and blank space is none: every 48
    characters count as a token at least, or a megabyte of base64 would be one chunk.
    """
    starts = array("Q")
    for segment_start, segment_end in _segments(text):
        spans = tokenizer.offsets(text[segment_start:segment_end])
        own = [segment_start + start for start, end in spans if end > start]
        before = starts[-1] if starts else 0
        if own and max(later - earlier for earlier, later in pairwise([before, *own])) > _LONGEST_CHARACTERS:
            own = list(_filled(before, own))
        starts.extend(own)
    starts.extend(range((starts[-1] if starts else 0) + _LONGEST_CHARACTERS, len(text), _LONGEST_CHARACTERS))
    return starts


def _filled(before: int, starts: Sequence[int]) -> Iterator[int]:
    for start in starts:
        yield from range(before + _LONGEST_CHARACTERS, start, _LONGEST_CHARACTERS)
        yield start
        before = start


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
