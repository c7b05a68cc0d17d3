"""Lines that belong to the pages and not to the text: running heads, feet, page numbers."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from resources.clients.parsing.pdf_content import PdfLine

Pages = tuple[tuple[PdfLine, ...], ...]

_MAX_DIGITS = 5
_EDGE_LINES = 3
_MIN_REPEATS = 3
_MIN_DENSITY = 0.4
_SAME_HEIGHT = 4.0
_MAX_HEAD_CHARS = 200
_NUMBERS = re.compile(r"\d+|\b[ivxlc]+\b", re.IGNORECASE)
_SPACES = re.compile(r"\s+")


def without_margins(pages: Pages) -> Pages:
    """Return the pages without running heads and feet, then without lines that only count the pages."""
    return without_page_numbers(_without_running_lines(pages))


def without_page_numbers(pages: Pages) -> Pages:
    """Return the pages without the lines at their top or bottom that only count the pages."""
    for edge in (0, -1):
        numbered = {
            at: int(number) - at
            for at, page in enumerate(pages)
            if page
            and (number := page[edge].text.strip()).isascii()
            and number.isdigit()
            and len(number) <= _MAX_DIGITS
        }
        offset, count = Counter(numbered.values()).most_common(1)[0] if numbered else (0, 0)
        if count < 2 or count * 2 < len(pages):
            continue
        kept = slice(1, None) if edge == 0 else slice(None, -1)
        pages = tuple(page[kept] if numbered.get(at) == offset else page for at, page in enumerate(pages))
    return pages


def _without_running_lines(pages: Pages) -> Pages:
    """Leave out lines that stand at the same place at the edge of many pages with the same words, numbers aside.

    A running head may change with the chapter or differ between left and right pages, so what counts is how densely
    a line repeats between its first page and its last. Where one of them is set larger, that is the title itself.
    """
    if len(pages) < _MIN_REPEATS:
        return pages
    dropped: defaultdict[int, set[int]] = defaultdict(set)
    for from_bottom in (False, True):
        found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for at, page in enumerate(pages):
            for place in _edge_places(page, from_bottom=from_bottom):
                found[_key(page[place].text)].append((at, place))
        for key, places in found.items():
            for at, place in _running(places, pages) if key else ():
                dropped[at].add(place)
    # A page that would be left empty is a page of its own that happens to look like the others.
    return tuple(
        tuple(line for place, line in enumerate(page) if place not in dropped[at]) or page
        for at, page in enumerate(pages)
    )


def _edge_places(page: tuple[PdfLine, ...], *, from_bottom: bool) -> Iterator[int]:
    """Yield the places of the lines nearest to an edge: by their height where it is known, else by their order."""
    places = list(range(len(page)))
    if any(line.height for line in page):
        places.sort(key=lambda place: page[place].height, reverse=not from_bottom)
    elif from_bottom:
        places.reverse()
    yield from (place for place in places[:_EDGE_LINES] if len(page[place].text) <= _MAX_HEAD_CHARS)


def _running(places: list[tuple[int, int]], pages: Pages) -> list[tuple[int, int]]:
    """Return those of equal lines that repeat densely at one height and in one size."""
    heights = [pages[at][place].height for at, place in places]
    usual_height = Counter(round(height / _SAME_HEIGHT) for height in heights).most_common(1)[0][0] * _SAME_HEIGHT
    level = [(at, place) for at, place in places if abs(pages[at][place].height - usual_height) <= 1.5 * _SAME_HEIGHT]
    usual_size = Counter(round(pages[at][place].size, 1) for at, place in level).most_common(1)[0][0] if level else 0.0
    same = [(at, place) for at, place in level if pages[at][place].size <= 1.1 * usual_size or not usual_size]
    on_pages = sorted({at for at, _ in same})
    if len(on_pages) < _MIN_REPEATS or len(on_pages) < _MIN_DENSITY * (on_pages[-1] - on_pages[0] + 1):
        return []
    return same


def _key(text: str) -> str:
    """Return what repeats of a line: its words, numbers left out; a line of numbers alone is nobody's head."""
    words = _SPACES.sub(" ", _NUMBERS.sub("#", text)).strip().casefold()
    return words if any(char.isalpha() for char in words) else ""
