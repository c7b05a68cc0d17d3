"""A chart of an Office document as the table that it draws."""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from rag_core.text_cleaning import clean_line
from resources.clients.parsing.xml_trees import attribute, child, children, descendants, name_of, words_in

_KIND = re.compile(r"(area|bar|bubble|doughnut|line|pie|radar|scatter|stock|surface)(?:3D)?Chart")
_MAX_POINTS = 10_000
_SERIES_NAMES = ("tx",)
_CATEGORIES = ("cat", "xVal")
_VALUES = ("val", "yVal")


def chart_rows(root: Element) -> list[list[str]]:
    """Return title, then a header row with the series' names, then a row for each category."""
    rows: list[list[str]] = []
    title = clean_line(" ".join(words_in(text) for text in descendants(_first(root, "title"), "t")))
    if title:
        rows.append([title])
    kind = next((found for found in (_KIND.fullmatch(name_of(element)) for element in root.iter()) if found), None)
    if kind is not None:
        rows.append([f"{kind.group(1).capitalize()} chart"])
    series = list(descendants(root, "ser"))
    if not series:
        return rows
    names = [_points(one, _SERIES_NAMES) for one in series]
    columns = [_points(one, _VALUES) for one in series]
    categories = next(filter(None, (_points(one, _CATEGORIES) for one in series)), dict[int, str]())
    rows.append(["", *(" ".join(name.values()) for name in names)])
    places = sorted({at for column in (categories, *columns) for at in column})
    rows += [[categories.get(at, ""), *(column.get(at, "") for column in columns)] for at in places]
    return rows


def _first(root: Element, name: str) -> Element:
    return next(descendants(root, name), Element("none"))


def _points(series: Element, names: tuple[str, ...]) -> dict[int, str]:
    """Return cached points by their index."""
    for name in names:
        holder = child(series, name)
        if holder is not None:
            return dict(_numbered(holder))
    return {}


def _numbered(holder: Element) -> Iterator[tuple[int, str]]:
    for count, point in enumerate(descendants(holder, "pt")):
        index = attribute(point, "idx") or ""
        if count >= _MAX_POINTS or not index.isdigit():
            return
        yield int(index), clean_line(" ".join(words_in(value) for value in children(point, "v")))
