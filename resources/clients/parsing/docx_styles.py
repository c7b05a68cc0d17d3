"""Word's styles and numbering: which paragraphs are headings, and what stands in front of a list item."""

from collections import defaultdict
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from resources.clients.parsing.xml_trees import attribute, child, children, value_at

_MAX_LEVELS = 9
_MAX_BASES = 20
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"))
_SMALL_ROMAN = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What a paragraph style decides here: its heading level (0: none) and its list, if any."""

    heading_level: int = 0
    numbering: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    format: str
    text: str
    start: int


@dataclass(slots=True)
class Numbering:
    """Counts list items the way Word does: a level's counter starts anew below a new item of a higher level."""

    lists: dict[str, dict[int, _Level]] = field(default_factory=dict[str, dict[int, _Level]])
    shared: dict[str, str] = field(default_factory=dict[str, str])
    _counters: defaultdict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))

    def mark(self, list_id: str, level: int) -> str:
        """Return what stands in front of the next item of a list: "-", "3.", "2.1", or nothing."""
        levels = self.lists.get(list_id, {})
        here = levels.get(level)
        if here is None or here.format == "none":
            return ""
        if here.format == "bullet":
            return "-"
        counters = self._counters[self.shared.get(list_id, list_id)]
        counters[level] = counters[level] + 1 if level in counters else here.start
        for deeper in [other for other in counters if other > level]:
            del counters[deeper]
        text = here.text
        for at in range(level + 1):
            shown = levels.get(at, here)
            text = text.replace(f"%{at + 1}", _number(counters.get(at, shown.start), shown.format))
        return text.strip()


def styles_of(root: Element | None) -> dict[str, Style]:
    """Return the paragraph styles by id; a style without a level of its own has that of the one it is based on."""
    raw = {attribute(style, "styleId") or "": style for style in children(root, "style")} if root is not None else {}
    return {style_id: _resolved(style_id, raw) for style_id in raw}


def numbering_of(root: Element | None) -> Numbering:
    """Return the lists by id."""
    numbering = Numbering()
    if root is None:
        return numbering
    abstract = {attribute(one, "abstractNumId") or "": one for one in children(root, "abstractNum")}
    for one in children(root, "num"):
        list_id, abstract_id = attribute(one, "numId") or "", value_at(one, "abstractNumId") or ""
        base = abstract.get(abstract_id)
        levels = (
            {_whole(attribute(lvl, "ilvl")): _level(lvl) for lvl in children(base, "lvl")} if base is not None else {}
        )
        overrides = [over for over in children(one, "lvlOverride") if child(over, "startOverride") is not None]
        numbering.lists[list_id] = levels
        numbering.shared[list_id] = f"num {list_id}" if overrides else f"abstract {abstract_id}"
    return numbering


def numbering_in(properties: Element | None) -> tuple[str, int] | None:
    """Return list id and level that paragraph properties name; list "0" takes a paragraph out of its style's list."""
    found = child(properties, "numPr")
    if found is None:
        return None
    return value_at(found, "numId") or "", min(_whole(value_at(found, "ilvl")), _MAX_LEVELS - 1)


def _resolved(style_id: str, raw: dict[str, Element]) -> Style:
    level, numbering = 0, None
    seen: set[str] = set()
    at: str | None = style_id
    while at in raw and at not in seen and len(seen) < _MAX_BASES:
        seen.add(at)
        style = raw[at]
        level = level or _own_level(style)
        numbering = numbering or numbering_in(child(style, "pPr"))
        at = value_at(style, "basedOn")
    return Style(heading_level=level, numbering=numbering)


def _own_level(style: Element) -> int:
    name = (value_at(style, "name") or "").casefold()
    if name == "title":
        return 1
    if name.startswith("heading ") and name[8:].isdigit():
        return min(int(name[8:]), _MAX_LEVELS)
    outline = value_at(style, "pPr", "outlineLvl")
    return int(outline) + 1 if outline is not None and outline.isdigit() and int(outline) < _MAX_LEVELS else 0


def _level(level: Element) -> _Level:
    return _Level(
        format=value_at(level, "numFmt") or "decimal",
        text=value_at(level, "lvlText") or "",
        start=_whole(value_at(level, "start") or "1"),
    )


def _number(count: int, kind: str) -> str:
    if kind in {"lowerLetter", "upperLetter"} and count > 0:
        letters = chr(ord("a") + (count - 1) % 26) * min((count - 1) // 26 + 1, 8)
        return letters.upper() if kind == "upperLetter" else letters
    if kind in {"lowerRoman", "upperRoman"} and 0 < count < 4000:
        left, written = count, ""
        for value, sign in (*_ROMAN, *_SMALL_ROMAN):
            written += sign * (left // value)
            left %= value
        return written.upper() if kind == "upperRoman" else written
    return f"{count:02d}" if kind == "decimalZero" else str(count)


def _whole(value: str | None) -> int:
    return int(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 6 else 0
