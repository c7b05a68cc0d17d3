"""Where a cut may go: the ends of sections, paragraphs, sentences and lines, each with how good a place it is."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from rag_core.parsed import Block, Heading


class Level(IntEnum):
    """How good a place for a cut is; lower is better.

    A phrase is a sentence's end inside a row of a table or a line of code: it is cut there only where not even one row
    fits. Where there is no boundary at all, a cut goes between words.
    """

    SECTION = 0
    PARAGRAPH = 1
    SENTENCE = 2
    LINE = 3
    PHRASE = 4


@dataclass(frozen=True, slots=True)
class Boundary:
    """A cut may go before the character ``at``."""

    at: int
    level: Level


_PARAGRAPH = re.compile(r"\n[ \t\r\f\v]*\n\s*")
_SENTENCE = re.compile(r"[.!?…][\"'”’»)\]]*\s+(?=[^\sa-z])|[。！？]\s*")
_LINE = re.compile(r"\n\s*")


def boundaries_of(text: str, headings: Sequence[Heading], blocks: Sequence[Block]) -> list[Boundary]:
    """Return every place for a cut but the words, in order.

    Inside a table the rows count as lines; inside code a blank line counts as a sentence's end, so that code that must
    be cut is cut between its parts.
    """
    lines = {match.end() for match in _LINE.finditer(text)}
    paragraphs = {match.end() for match in _PARAGRAPH.finditer(text)}
    found = dict.fromkeys(lines, Level.LINE)
    found |= dict.fromkeys((match.end() for match in _SENTENCE.finditer(text)), Level.SENTENCE)
    found |= dict.fromkeys(paragraphs, Level.PARAGRAPH)
    for at, block in _inside(sorted(found), blocks):
        if at not in lines:
            found[at] = Level.PHRASE
        else:
            found[at] = Level.SENTENCE if block.kind == "code" and at in paragraphs else Level.LINE
    for block in blocks:
        found[block.start] = found[block.end] = Level.PARAGRAPH
    found |= dict.fromkeys((heading.start for heading in headings), Level.SECTION)
    return [Boundary(at, level) for at, level in sorted(found.items()) if 0 < at < len(text)]


def _inside(places: Sequence[int], blocks: Sequence[Block]) -> Iterator[tuple[int, Block]]:
    for block in blocks:
        for at in places[bisect_right(places, block.start) : bisect_left(places, block.end)]:
            yield at, block
