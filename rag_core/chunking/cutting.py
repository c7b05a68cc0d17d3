"""Choosing the cuts of one region: content-defined, so that an edit moves only the cuts around it.

Among the places that would leave a chunk of ``lowest`` to ``highest`` tokens, the best kind of place wins, and within
a kind the one whose following text has the smallest hash (the idea of content-defined chunking: Muthitacharoen, Chen,
Mazières, *A Low-bandwidth Network File System*, SOSP 2001). The choice depends on nearby text alone, so after an
insertion the old cuts are found again within a chunk or two.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from rag_core.chunking.boundaries import Boundary

_HASHED_CHARACTERS = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruler:
    """A text with its tokens' starts, boundaries and blocks, all in order: counts tokens between characters."""

    text: str
    token_starts: Sequence[int]
    boundaries: Sequence[Boundary]
    boundary_places: Sequence[int]
    blocks: Sequence[tuple[int, int]]

    def tokens(self, start: int, end: int) -> int:
        """Return how many tokens start in ``text[start:end]``."""
        return bisect_left(self.token_starts, end) - bisect_left(self.token_starts, start)

    def after(self, start: int, tokens: int) -> int:
        """Return the place behind so many tokens from ``start`` on."""
        index = bisect_left(self.token_starts, start) + tokens
        return self.token_starts[index] if index < len(self.token_starts) else len(self.text)

    def block_around(self, place: int) -> tuple[int, int] | None:
        """Return the block that ``place`` lies inside of, its edges left out."""
        index = bisect_left(self.blocks, (place, 0)) - 1
        return self.blocks[index] if index >= 0 and self.blocks[index][1] > place else None


def cuts_within(ruler: Ruler, start: int, end: int, *, lowest: int, highest: int) -> list[int]:
    """Return where the chunks of ``text[start:end]`` begin, ``start`` first; each has at most ``highest`` tokens."""
    cuts = [start]
    while (left := ruler.tokens(cuts[-1], end)) > highest:
        at = cuts[-1]
        # What remains must not be a crumb: near the end the window stops ``lowest`` before it.
        tokens = min(highest, max(lowest, left - lowest))
        nearest, furthest = ruler.after(at, lowest), ruler.after(at, tokens)
        whole = _edge_of_block_to_keep(ruler, at, nearest, furthest, highest)
        cuts.append(whole or _best_cut(ruler, at, nearest, furthest))
    return cuts


def _edge_of_block_to_keep(ruler: Ruler, at: int, nearest: int, furthest: int, highest: int) -> int | None:
    """Return the edge to cut at where the window lies inside a block that fits a chunk.

    Behind the block if it still ends in this chunk, be what remains a crumb; else before it, be this chunk short.
    """
    block = ruler.block_around(nearest)
    if block is None or block[1] <= furthest or ruler.tokens(*block) > highest:
        return None
    if ruler.tokens(at, block[1]) <= highest:
        return block[1]
    return block[0] if at < block[0] else None


def _best_cut(ruler: Ruler, at: int, nearest: int, furthest: int) -> int:
    first = bisect_left(ruler.boundary_places, max(nearest, at + 1))
    last = bisect_right(ruler.boundary_places, furthest)
    window = ruler.boundaries[first:last]
    if window:
        # A heading or a paragraph's end first; a line's or a row's end only where there is no sentence's.
        best = min(boundary.level for boundary in window)
        places = [boundary.at for boundary in window if boundary.level == best]
    else:
        low, high = bisect_left(ruler.token_starts, nearest), bisect_right(ruler.token_starts, furthest)
        tokens = [place for place in ruler.token_starts[low:high] if place > at]
        places = [place for place in tokens if starts_word(ruler.text, place)] or tokens or [furthest]
    return min(places, key=lambda place: (_hash(ruler.text, place), place))


def starts_word(text: str, place: int) -> bool:
    """Say whether blank space stands before ``place``."""
    return text[place - 1].isspace()


def _hash(text: str, place: int) -> bytes:
    following = " ".join(text[place : place + 2 * _HASHED_CHARACTERS].split())[:_HASHED_CHARACTERS]
    return blake2b(following.encode("utf-8", "surrogatepass"), digest_size=8).digest()
