"""From a page's pieces of text to lines in reading order: columns one after the other, tables as rows of cells.

A PDF says where text stands, not in which order it is read. Most programs write text in reading order, so that order
is kept unless the page shows two or more columns of prose and the order jumps between them line by line.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from resources.clients.parsing.pdf_content import PdfLine

_PARAGRAPH_GAP_RATIO = 1.3
_PROSE_CHARS = 18
_MIN_COLUMN_PIECES = 5
_MAX_CROSSING = 0.2
"""Share of a page's lines, headings and a summary say, that may reach across the stripe between two columns."""
_MIN_COLUMN_WIDTH = 8
_MIN_TABLE_ROWS = 3
_MAX_PIECES = 5_000
_SAME_BASELINE = 0.3
"""Share of the letters' height by which two pieces of one row may stand apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of one line without a wide gap: its edges, its first and last baseline, and its letters' size."""

    text: str
    left: float
    right: float
    height: float
    bottom: float
    size: float


Row = list[Piece]


def laid_out(rows: Sequence[Row]) -> tuple[PdfLine, ...]:
    """Return a page's lines; ``rows`` are its lines in the file's order, each cut at wide gaps."""
    rows = [row for row in _rows_of_one_baseline(rows) if row]
    pieces = [piece for row in rows for piece in row]
    if len(pieces) <= _MAX_PIECES:
        gutters = _gutters(pieces)
        columns = [_column(piece, gutters) for piece in pieces] if gutters else []
        if _jumps_between(columns):
            ordered = _column_by_column(pieces, gutters)
            return tuple(_lines([[piece] for piece in ordered], [False] * len(ordered)))
        if gutters:
            return tuple(_lines(rows, [False] * len(rows)))
    return tuple(_lines(rows, _table_rows(rows)))


def _rows_of_one_baseline(rows: Sequence[Row]) -> list[Row]:
    """Join lines that follow each other on one baseline without overlapping: cells of a row, drawn one by one."""
    joined: list[Row] = []
    for row in rows:
        last = joined[-1] if joined else []
        if last and row and _stand_beside(last, row):
            joined[-1] = sorted([*last, *row], key=lambda piece: piece.left)
        else:
            joined.append(list(row))
    return joined


def _stand_beside(left: Row, right: Row) -> bool:
    a, b = left[-1], right[0]
    if not a.size or not b.size or a.height != a.bottom or b.height != b.bottom:
        return False
    if abs(a.height - b.height) > _SAME_BASELINE * min(a.size, b.size):
        return False
    gap = max(a.size, b.size)
    return all(one.right + gap < other.left or other.right + gap < one.left for one in left for other in right)


def _gutters(pieces: Sequence[Piece]) -> list[float]:
    """Return the middles of the white stripes between columns of prose, from left to right."""
    prose = [piece for piece in pieces if len(piece.text) >= _PROSE_CHARS and piece.size]
    if len(prose) < 2 * _MIN_COLUMN_PIECES:
        return []
    size = median(piece.size for piece in prose)
    lefts, rights = sorted(piece.left for piece in prose), sorted(piece.right for piece in prose)
    candidates: dict[int, tuple[int, float]] = {}  # a stripe's rough place to how many lines cross it, and its middle
    for edge in rights:
        following = bisect_left(lefts, edge + 0.5 * size)
        if following == len(lefts):
            break
        middle = (edge + lefts[following]) / 2
        before, behind = bisect_right(rights, middle), len(lefts) - bisect_left(lefts, middle)
        crossing = len(prose) - before - behind
        if min(before, behind) >= _MIN_COLUMN_PIECES and crossing <= _MAX_CROSSING * len(prose):
            place = round(middle / size)
            candidates[place] = min(candidates.get(place, (crossing, middle)), (crossing, middle))
    found: list[float] = []
    for _, middle in sorted(candidates.values()):
        if all(abs(middle - other) > _MIN_COLUMN_WIDTH * size for other in found) and _divides(middle, prose):
            found.append(middle)
    return sorted(found) if found and _are_columns(sorted(found), prose) else []


def _divides(middle: float, prose: Sequence[Piece]) -> bool:
    """Say whether prose stands on both sides of a stripe, side by side."""
    left = [piece for piece in prose if piece.right <= middle]
    right = [piece for piece in prose if piece.left >= middle]
    top = min(max(piece.height for piece in side) for side in (left, right))
    bottom = max(min(piece.height for piece in side) for side in (left, right))
    return all(sum(bottom <= piece.height <= top for piece in side) >= _MIN_COLUMN_PIECES for side in (left, right))


def _are_columns(gutters: Sequence[float], prose: Sequence[Piece]) -> bool:
    """Say whether most lines fill their column, as prose does and the cells of a table do not."""
    widths: list[list[float]] = [[] for _ in range(len(gutters) + 1)]
    for piece in prose:
        column = _column(piece, gutters)
        if column >= 0:
            widths[column].append(piece.right - piece.left)
    return all(one and sum(width >= 0.8 * _usual_full(one) for width in one) >= 0.5 * len(one) for one in widths)


def _usual_full(widths: list[float]) -> float:
    return sorted(widths)[int(0.9 * (len(widths) - 1))]


def _column(piece: Piece, gutters: Sequence[float]) -> int:
    """Return the column that holds a piece, -1 if it reaches across a gutter."""
    if any(piece.left < gutter < piece.right for gutter in gutters):
        return -1
    return sum(gutter <= piece.left for gutter in gutters)


def _jumps_between(columns: Sequence[int]) -> bool:
    """Say whether the file's order goes back and forth between columns, line by line."""
    inside = [column for column in columns if column >= 0]
    back = sum(b < a for a, b in pairwise(inside))
    smallest = min((inside.count(column) for column in set(inside)), default=0)
    return len(set(inside)) > 1 and back >= max(3, 0.3 * smallest)


def _column_by_column(pieces: Sequence[Piece], gutters: Sequence[float]) -> list[Piece]:
    """Order pieces from the top: what reaches across the columns ends the stretch of columns above it."""
    ordered: list[Piece] = []
    waiting: list[list[Piece]] = [[] for _ in range(len(gutters) + 1)]
    for piece in sorted(pieces, key=lambda piece: (-round(piece.height, 1), piece.left)):
        column = _column(piece, gutters)
        if column >= 0:
            waiting[column].append(piece)
            continue
        ordered += [held for one in waiting for held in one]
        waiting = [[] for _ in waiting]
        ordered.append(piece)
    return [*ordered, *(held for one in waiting for held in one)]


def _table_rows(rows: Sequence[Row]) -> list[bool]:
    """Say for each row whether it belongs to a table: several rows of cells under each other, edges in line."""
    flags = [False] * len(rows)
    start = 0
    while start < len(rows):
        end = start + 1
        while end < len(rows) and _continues_table(rows[end - 1], rows[end]):
            end += 1
        if end - start >= _MIN_TABLE_ROWS:
            flags[start:end] = [True] * (end - start)
        start = end
    return flags


def _continues_table(above: Row, below: Row) -> bool:
    if len(above) < 2 or len(below) < 2:
        return False
    slack = max(above[0].size, below[0].size, 1.0)
    drop = above[0].height - below[0].height
    if not 0 < drop <= 4 * slack:
        return False
    in_line = sum(
        any(abs(a.left - b.left) < slack or abs(a.right - b.right) < slack or _centred(a, b, slack) for a in above)
        for b in below
    )
    return in_line * 2 >= len(below)


def _centred(a: Piece, b: Piece, slack: float) -> bool:
    return abs((a.left + a.right) - (b.left + b.right)) < slack


def _lines(rows: Sequence[Row], in_table: Sequence[bool]) -> Iterator[PdfLine]:
    """Yield rows as lines and find out which begin a paragraph: those with more white space above than usual."""
    gaps = [above[-1].bottom - below[0].height for above, below in pairwise(rows)]
    usual = median([gap for gap in gaps if gap > 0] or [0.0])
    for at, (row, table) in enumerate(zip(rows, in_table, strict=True)):
        wide = at > 0 and usual > 0 and gaps[at - 1] > _PARAGRAPH_GAP_RATIO * usual
        yield PdfLine(
            text=(" | " if table else " ").join(piece.text for piece in row),
            size=row[0].size,
            height=row[0].height,
            starts_paragraph=wide or (at > 0 and table != in_table[at - 1]),
            is_table_row=table,
        )
