"""Where a cut may go: the ends of sections, paragraphs, sentences and lines, each with how good a place it is."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from rag_core.parsed import Block, Heading


class Level(IntEnum):
    """How good a place for a cut is; lower is better."""

    SECTION = 0
    PARAGRAPH = 1
    SENTENCE = 2
    LINE = 3
    WORD = 4


@dataclass(frozen=True, slots=True)
class Boundary:
    """A cut may go before the character ``at``."""

    at: int
    level: Level


_PARAGRAPH = re.compile(r"\n[ \t\r\f\v]*\n\s*")
_SENTENCE = re.compile(r"[.!?…][\"'”’»)\]]*\s+(?=[^\sa-z])|[。！？]\s*")
_LINE = re.compile(r"\n\s*")


def boundaries_of(text: str, headings: Sequence[Heading], blocks: Sequence[Block]) -> list[Boundary]:
    """Return every place for a cut but the words, in order; places inside blocks count as lines."""
    found: dict[int, Level] = {}
    for level, pattern in ((Level.LINE, _LINE), (Level.SENTENCE, _SENTENCE), (Level.PARAGRAPH, _PARAGRAPH)):
        found |= dict.fromkeys((match.end() for match in pattern.finditer(text)), level)
    for at in _inside(sorted(found), blocks):
        found[at] = Level.LINE
    for block in blocks:
        found[block.start] = found[block.end] = Level.PARAGRAPH
    found |= dict.fromkeys((heading.start for heading in headings), Level.SECTION)
    return [Boundary(at, level) for at, level in sorted(found.items()) if 0 < at < len(text)]


def _inside(places: Sequence[int], blocks: Sequence[Block]) -> Iterator[int]:
    for block in blocks:
        yield from places[bisect_right(places, block.start) : bisect_left(places, block.end)]
