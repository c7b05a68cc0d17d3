"""What the numbers of a passage's place count: pages of a PDF, slides, sheets, chapters, or lines of a file.

Parsers give every format the same thing, numbered spans of the text; the media type says what they number, so rows
and points need no further column.
"""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

Unit: TypeAlias = Literal["page", "slide", "sheet", "chapter", "line"]

_OFFICE = "application/vnd.openxmlformats-officedocument"
_UNITS: Final[dict[str, Unit]] = {
    f"{_OFFICE}.presentationml.presentation": "slide",
    "application/vnd.oasis.opendocument.presentation": "slide",
    f"{_OFFICE}.spreadsheetml.sheet": "sheet",
    "application/vnd.oasis.opendocument.spreadsheet": "sheet",
    "application/epub+zip": "chapter",
    "application/jsonl": "line",
    "text/csv": "line",
    "text/x-source-code": "line",
}


def unit_of(media_type: str) -> Unit:
    """Return what the numbered spans of a document of this media type are; "page" unless it is known otherwise."""
    return _UNITS.get(media_type, "page")


def named(unit: Unit, first: int, last: int, heading_path: Sequence[str] = ()) -> str:
    """Return a place in words: "page 3", "lines 10–14", "slide 3"; a sheet by its name, which heads its rows."""
    if unit == "sheet" and first == last and heading_path:
        return f"sheet {heading_path[0]}"
    return f"{unit} {first}" if first == last else f"{unit}s {first}–{last}"
