"""Rows of a worksheet as lines of cells: stretches without an empty row, merged cells said in every row they reach."""

import datetime
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rag_core.text_cleaning import clean_line

_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_MAX_MERGED = 20_000
_MAX_COVERED = 2_000
_MAX_REPEATED_CHARS = 200
_MAX_GAP = 20
_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedCell:
    """A merged cell's first column (from 0) and where it ends."""

    column: int
    last_column: int
    last_row: int


def tables_of(rows: Iterable[Iterable[object]], merged: Mapping[int, list[MergedCell]]) -> Iterator[list[list[str]]]:
    """Yield stretches of rows without an empty row between them, in bounded pieces; ``merged`` by their first row."""
    stretch: list[list[str]] = []
    reaching: list[tuple[MergedCell, str]] = []
    for number, row in enumerate(rows, start=1):
        cells = ["" if value is None else _words(value) for value in row]
        reaching = [(cell, words) for cell, words in reaching if cell.last_row >= number]
        for cell in merged.get(number, ()):
            words = cells[cell.column] if cell.column < len(cells) else ""
            if words and len(words) <= _MAX_REPEATED_CHARS:
                reaching.append((cell, words))
        for cell, words in reaching:
            cells += [""] * (cell.last_column + 1 - len(cells))
            cells[cell.column : cell.last_column + 1] = [words] * (cell.last_column + 1 - cell.column)
        if any(cells):
            stretch.append(cells)
        if stretch and (not any(cells) or len(stretch) >= _ROWS_AT_ONCE):
            yield _aligned(stretch)
            stretch = []
    if stretch:
        yield _aligned(stretch)


def _aligned(rows: list[list[str]]) -> list[list[str]]:
    """Return rows without the columns in front that are empty in all of them, and wide gaps made narrow."""
    start = min(next(at for at, words in enumerate(row) if words) for row in rows)
    return [_narrowed(row[start:]) for row in rows]


def _narrowed(row: list[str]) -> list[str]:
    if len(row) <= _MAX_GAP:
        return row
    kept: list[str] = []
    empty = 0
    for words in row:
        empty = 0 if words else empty + 1
        if empty <= _MAX_GAP:
            kept.append(words)
    return kept


def merged_cells_of(part: bytes) -> dict[int, list[MergedCell]]:
    """Return the merged cells of a sheet by their first row; openpyxl leaves them out where it streams."""
    merged: defaultdict[int, list[MergedCell]] = defaultdict(list)
    for count, match in enumerate(_MERGED.finditer(part)):
        first, row, last, last_row = match.groups()
        cell = MergedCell(column=_column(first), last_column=_column(last), last_row=int(last_row))
        covered = (cell.last_column - cell.column + 1) * (cell.last_row - int(row) + 1)
        if 1 < covered <= _MAX_COVERED and count < _MAX_MERGED:
            merged[int(row)].append(cell)
    return merged


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ", "seconds")
    return clean_line(str(value))
