"""Where pdfium's characters stand: a page's lines, each cut into pieces at gaps too wide for a space."""

# pypdfium2 ships inline types for parts of its API only.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import ctypes
import re
from collections.abc import Iterator

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from rag_core.text_cleaning import LINE_END_HYPHEN
from resources.clients.parsing.pdf_layout import Piece

_GAP = re.compile(r"[ \t\xa0]+")
_WIDE_GAP = 1.2
"""Gap between two words, in heights of a letter, from which on they are no neighbours in a sentence."""


class PageGeometry:
    """The places of one text page's characters, asked for by their index in the page's text."""

    def __init__(self, text_page: pdfium.PdfTextPage) -> None:
        self._page = text_page
        self._is_direct = False
        self._numbers = [ctypes.c_double() for _ in range(4)]
        self._matrix = raw.FS_MATRIX()

    def rows(self, text: str) -> Iterator[list[Piece]]:
        """Yield the lines of the page's text in its order, each as its pieces."""
        # Where pdfium left no character out, the two ways to count are one, and half of the questions are saved.
        self._is_direct = self._page.count_chars() == len(text)
        at = 0
        for line in text.split("\r\n"):
            if line.strip():
                yield from self._rows(line, at)
            at += len(line) + 2

    def _rows(self, line: str, at: int) -> Iterator[list[Piece]]:
        """Yield the row that a line is; pdfium may also string several rows together where columns interleave."""
        start, end = len(line) - len(line.lstrip()), len(line.rstrip())
        size, height = self._size_and_baseline(at + start)
        row: list[Piece] = []
        for gap in _GAP.finditer(line, start, end) if size else ():
            before, after = self._box(at + gap.start() - 1), self._box(at + gap.end())
            if before is None or after is None:
                continue
            goes_back = after[0] < before[0]
            if not goes_back and after[0] - before[1] <= _WIDE_GAP * size:
                continue
            next_size, next_height = self._size_and_baseline(at + gap.end())
            is_new_row = abs(next_height - height) > 0.5 * size and LINE_END_HYPHEN not in line[start : gap.start()]
            if not is_new_row and before[0] - after[1] <= _WIDE_GAP * size and goes_back:
                continue
            row.append(self._piece(line, at, start, gap.start(), size, height))
            if is_new_row:
                yield row
                row = []
            start, size, height = gap.end(), next_size or size, next_height
        row.append(self._piece(line, at, start, end, size, height))
        yield row

    def _piece(self, line: str, at: int, start: int, end: int, size: float, height: float) -> Piece:
        text = line[start:end]
        left, right = self._edges(at + start, at + end - 1)
        bottom = self._size_and_baseline(at + end - 1)[1] if LINE_END_HYPHEN in text else height
        return Piece(text=text, left=left, right=right, height=height, bottom=bottom, size=size)

    def _edges(self, first: int, last: int) -> tuple[float, float]:
        boxes = [box for box in (self._box(first), self._box(last)) if box is not None]
        return (min(box[0] for box in boxes), max(box[1] for box in boxes)) if boxes else (0.0, 0.0)

    def _index(self, text_index: int) -> int:
        return text_index if self._is_direct else raw.FPDFText_GetCharIndexFromTextIndex(self._page, text_index)

    def _box(self, text_index: int) -> tuple[float, float] | None:
        """Return a character's left and right edge."""
        index = self._index(text_index)
        left, right, bottom, top = self._numbers
        if index < 0 or not raw.FPDFText_GetCharBox(self._page, index, left, right, bottom, top):
            return None
        return left.value, right.value

    def _size_and_baseline(self, text_index: int) -> tuple[float, float]:
        """Return a character's height in points and the height of its baseline on the page; zeros if unknown."""
        index = self._index(text_index)
        x, y = self._numbers[:2]
        if index < 0 or not raw.FPDFText_GetCharOrigin(self._page, index, x, y):
            return 0.0, 0.0
        matrix = self._matrix
        scale = abs(matrix.d) or abs(matrix.b) if raw.FPDFText_GetMatrix(self._page, index, matrix) else 1.0
        return raw.FPDFText_GetFontSize(self._page, index) * scale, y.value
