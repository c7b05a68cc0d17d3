"""Which lines of a PDF are headings: what its outline names, else what is set larger than the body text."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from rag_core.text_cleaning import clean_printed_line
from resources.clients.parsing.pdf_content import OutlineEntry, PdfContent, PdfLine

Levels = tuple[tuple[int, ...], ...]

CONTINUES = -1
"""The level of a line that goes on with the heading in the line above it."""

_MAX_HEADING_CHARS = 150
_NUMBERING = re.compile(r"^(?:chapter|section|part|appendix)?\s*[\divxa-h]{0,5}(?:[.\d]*)[.):\s]+", re.IGNORECASE)
_NOT_WORDS = re.compile(r"[\W_]+")


def heading_levels(content: PdfContent) -> Levels:
    """Return each line's heading level (1 to 6), 0, or ``CONTINUES``, page by page like ``content.pages``."""
    named = _levels_by_outline(content)
    return named if named is not None else _levels_by_size(content)


def _levels_by_outline(content: PdfContent) -> Levels | None:
    """Find each bookmark's line on its page; None without an outline, or if most of it names no line there."""
    on_page: defaultdict[int, list[OutlineEntry]] = defaultdict(list)
    for entry in content.outline:
        on_page[entry.page].append(entry)
    found = 0
    levels = [[0] * len(page) for page in content.pages]
    for page, entries in on_page.items():
        if page >= len(content.pages):
            continue
        lines = [(_key(line.text), line.size) for line in content.pages[page]]
        for entry in entries:
            at = _line_of(entry, lines, levels[page])
            if at is not None:
                levels[page][at] = min(max(entry.level, 1), 6)
                found += 1
                after = at + 1
                if after < len(lines) and lines[after][0] and _key(entry.title) == lines[at][0] + lines[after][0]:
                    levels[page][after] = CONTINUES
    return tuple(map(tuple, levels)) if found and found * 2 >= len(content.outline) else None


def _line_of(entry: OutlineEntry, lines: list[tuple[str, float]], taken: list[int]) -> int | None:
    """Return the place of the line that holds a bookmark's title, with or without its number, or its beginning.

    Of several such lines it is the largest: the running head repeats the heading in small letters.
    """
    title = _key(entry.title)
    if not title:
        return None
    bare = _key(_NUMBERING.sub("", entry.title)) or title
    free = [(size, -at, line) for at, (line, size) in enumerate(lines) if line and not taken[at]]
    whole = [place for place in free if place[2] in {title, bare} or place[2].lstrip("0123456789") == bare]
    begun = [place for place in free if len(place[2]) >= 12 and title.startswith(place[2])]
    found = max(whole or begun, default=None)
    return -found[1] if found else None


def _levels_by_size(content: PdfContent) -> Levels:
    """Call short lines headings that are clearly larger than the most common size; larger sizes rank higher."""
    none = tuple((0,) * len(page) for page in content.pages)
    weights: Counter[float] = Counter()
    for page in content.pages:
        for line in page:
            weights[_rounded(line.size)] += len(line.text)
    del weights[0]
    if len(weights) < 2:
        return none
    body = weights.most_common(1)[0][0]
    large = [size for size in weights if size >= body * 1.12 and size >= body + 0.9]
    headings = sum(weights[size] for size in large)
    if not large or headings > 0.25 * weights.total():
        return none
    ranks = _ranked(large)
    return tuple(tuple(_page_levels(page, ranks)) for page in content.pages)


def _page_levels(page: tuple[PdfLine, ...], ranks: dict[float, int]) -> Iterator[int]:
    last = 0
    for line in page:
        level = ranks.get(_rounded(line.size), 0) if _can_be_heading(line) else 0
        yield CONTINUES if level and level == last and not line.starts_paragraph else level
        last = level


def _ranked(sizes: list[float]) -> dict[float, int]:
    """Give sizes that a reader can tell apart the levels 1, 2, 3, … from the largest down."""
    ranks: dict[float, int] = {}
    level, last = 0, 0.0
    for size in sorted(sizes, reverse=True):
        if not last or size < last * 0.95:
            level, last = level + 1, size
        ranks[size] = min(level, 6)
    return ranks


def _can_be_heading(line: PdfLine) -> bool:
    words = line.text.strip()
    return sum(map(str.isalpha, words)) >= 3 and len(words) <= _MAX_HEADING_CHARS


def _rounded(size: float) -> float:
    return round(size * 2) / 2


def _key(text: str) -> str:
    """Return what is left of a line when marks, spaces and case do not count."""
    return _NOT_WORDS.sub("", clean_printed_line(text)).casefold()
