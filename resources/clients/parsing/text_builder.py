"""Grows a document's text piece by piece and knows where each piece came to lie."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

from rag_core.parsed import Block, Heading, PageSpan
from resources.clients.parsing.rejections import text_too_large

_NOTHING_YET = -1


class TextBuilder:
    """Collects cleaned pieces; every returned pair is ``text[start:end]`` of the final text.

    Raises ``DocumentRejected`` (too large) as soon as the text outgrows ``max_bytes`` of UTF-8.
    """

    def __init__(self, *, max_bytes: int) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._bytes = 0
        self._max_bytes = max_bytes
        self.headings: list[Heading] = []
        self.blocks: list[Block] = []
        self.pages: list[PageSpan] = []
        self._page_start: int | None = None

    def __len__(self) -> int:
        """Return the length of the text so far, in characters."""
        return self._length

    def add(self, text: str, *, separator: str = "\n\n") -> tuple[int, int]:
        """Append a piece behind the separator (none before the first piece) and return its span."""
        if self._length and separator:
            self._append(separator)
        start = self._length
        if self._page_start == _NOTHING_YET:
            self._page_start = start
        self._append(text)
        return start, self._length

    def add_heading(self, text: str, *, level: int, separator: str = "\n\n") -> None:
        """Append a heading line."""
        start, end = self.add(text, separator=separator)
        self.headings.append(Heading(level=min(max(level, 1), 6), text=text, start=start, end=end))

    def extend_heading(self, text: str) -> None:
        """Append a further line of the heading that was added last."""
        _, end = self.add(text, separator="\n")
        last = self.headings[-1]
        self.headings[-1] = replace(last, text=f"{last.text} {text}", end=end)

    def add_block(self, text: str, *, kind: Literal["code", "table"], separator: str = "\n\n") -> None:
        """Append a stretch that reads badly in pieces."""
        start, end = self.add(text, separator=separator)
        self.mark_block(start, end, kind=kind)

    def mark_block(self, start: int, end: int, *, kind: Literal["code", "table"]) -> None:
        """Call a stretch that was added before a block."""
        self.blocks.append(Block(kind=kind, start=start, end=end))

    @contextmanager
    def page(self, number: int) -> Generator[None, None, None]:
        """Note what is added meanwhile as a page (slide, sheet, line): without the separator in front of it."""
        self._page_start = _NOTHING_YET
        try:
            yield
        finally:
            start = self._length if self._page_start in {None, _NOTHING_YET} else self._page_start
            self.pages.append(PageSpan(number=number, start=start or 0, end=self._length))
            self._page_start = None

    def text(self) -> str:
        """Return everything added so far."""
        return "".join(self._pieces)

    def _append(self, piece: str) -> None:
        self._bytes += len(piece) if piece.isascii() else len(piece.encode())
        if self._bytes > self._max_bytes:
            raise text_too_large(self._max_bytes)
        self._pieces.append(piece)
        self._length += len(piece)
