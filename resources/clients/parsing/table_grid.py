"""Tables with merged cells as plain rows: a cell's words stand in every place that it covers, so rows speak alone."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_MAX_COLUMNS = 60
_MAX_ROWS = 500
_MAX_REPEATED_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell's words and how many columns and rows it covers."""

    text: str
    columns: int = 1
    rows: int = 1


def plain_rows(rows: Iterable[Sequence[Cell]]) -> Iterator[list[str]]:
    """Yield each row with the words of cells that reach into it; long words are not said again."""
    reaching: dict[int, tuple[int, str]] = {}  # column to how many more rows, and the words
    for row in rows:
        line: list[str] = []
        for cell in row:
            _fill(line, reaching)
            at = len(line)
            again = cell.text if len(cell.text) <= _MAX_REPEATED_CHARS else ""
            columns = min(max(cell.columns, 1), _MAX_COLUMNS)
            line += [cell.text, *([again] * (columns - 1))]
            if cell.rows > 1:
                reaching |= {column: (min(cell.rows, _MAX_ROWS) - 1, again) for column in range(at, at + columns)}
        _fill(line, reaching)
        yield line


def span_of(value: str | None) -> int:
    """Return a span that markup states, 1 where it is none."""
    return int(value) if value is not None and value.isascii() and value.isdigit() and 0 < len(value) < 6 else 1


def _fill(line: list[str], reaching: dict[int, tuple[int, str]]) -> None:
    """Append the words of cells from above that cover the places that follow."""
    while (above := reaching.pop(len(line), None)) is not None:
        left, words = above
        if left > 1:
            reaching[len(line)] = (left - 1, words)
        line.append(words)
