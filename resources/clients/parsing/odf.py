"""OpenDocument: text, spreadsheets and presentations share one vocabulary, so one walker reads all three."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from rag_core.parsed import ParsedDocument
from rag_core.text_cleaning import clean_line, clean_prose
from resources.clients.parsing.finishing import finished, table_lines
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.media_types import Claims
from resources.clients.parsing.office_properties import properties_below
from resources.clients.parsing.packages import Package
from resources.clients.parsing.rejections import locked, unreadable
from resources.clients.parsing.table_grid import Cell, plain_rows, span_of
from resources.clients.parsing.text_builder import TextBuilder
from resources.clients.parsing.versions import ODP, ODS, ODT
from resources.clients.parsing.xml_trees import attribute, child, children, descendants, name_of
from resources.clients.parsing.zip_kinds import zip_media_type

_BODIES = {"text": ODT, "spreadsheet": ODS, "presentation": ODP}
_SKIPPED = frozenset({
    "tracked-changes", "annotation", "annotation-end", "note-citation", "forms", "sequence-decls", "variable-decls",
    "settings", "header-footer", "footer-decl", "date-time-decl", "header-decl", "calculation-settings",
})  # fmt: skip
_WITH_ROWS = frozenset({"table-header-rows", "table-rows", "table-row-group"})
_WITH_CELLS = frozenset({"table-header-columns", "table-columns", "table-column-group"})
_ROWS_AT_ONCE = 200
_MAX_REPEATED_ROWS = 1_000
_MAX_REPEATED_CELLS = 100
_MAX_INDENT = 8


def parse_odf(data: bytes, claims: Claims, limits: ParseLimits) -> ParsedDocument:
    """Return an OpenDocument's text; its pages are sheets or slides where it has such."""
    package = Package(data, limits)
    manifest = package.xml_if_any("META-INF/manifest.xml")
    if manifest is not None and next(descendants(manifest, "encryption-data"), None) is not None:
        raise locked("OpenDocument encryption")
    content = package.xml("content.xml")
    body = next((part for part in _elements(child(content, "body")) if name_of(part) in _BODIES), None)
    if body is None:
        raise unreadable("Its content has no body of a kind known here.")
    builder = TextBuilder(max_bytes=limits.max_text_bytes)
    reader = _Reader(package, builder, _numbered_lists(content, package.xml_if_any("styles.xml")))
    reader.read(body)
    properties = properties_below(package.xml_if_any("meta.xml"))
    title = properties.get("title")
    return finished(
        builder,
        media_type=zip_media_type(data) or _BODIES[name_of(body)],
        what="The OpenDocument file",
        name=claims.name,
        stated_title=title
        or (claims.name.rpartition("/")[2].rpartition(".")[0] if name_of(body) == "spreadsheet" else None),
        metadata=properties,
    )


@dataclass(slots=True)
class _Reader:
    """Walks a body in order; sheets and slides become pages, list items get their marks."""

    package: Package
    builder: TextBuilder
    numbered: frozenset[str]
    _pages: int = 0
    _lists: list[int | None] = field(default_factory=list["int | None"])
    _in_list: bool = False

    def read(self, container: Element) -> None:
        """Append everything below a body, section, slide, frame or text box."""
        is_workbook = name_of(container) == "spreadsheet"
        for element in container:
            match name_of(element):
                case "h":
                    self._add_heading(element)
                case "p":
                    self._add_paragraph(element)
                case "list":
                    self._add_list(element)
                case "table":
                    self._in_list = False
                    if is_workbook:
                        self._add_sheet(element)
                    else:
                        self._add_table(element)
                case "page":
                    self._add_slide(element)
                case "notes":
                    self._add_notes(element)
                case "object":
                    self._add_object(element)
                case name if name not in _SKIPPED:
                    self.read(element)
                case _:
                    pass

    def _add_heading(self, element: Element) -> None:
        words = clean_line("".join(_inline(element)))
        level = attribute(element, "outline-level") or "1"
        if words:
            self.builder.add_heading(words, level=int(level) if level.isdigit() else 1)
        self._in_list = False
        self._read_frames(element)

    def _add_paragraph(self, element: Element) -> None:
        text = clean_prose("".join(_inline(element)))
        if text.strip():
            self.builder.add(text)
            self._in_list = False
        self._read_frames(element)

    def _read_frames(self, paragraph: Element) -> None:
        """Read the text boxes and notes that are anchored in a paragraph."""
        for part in paragraph.iter():
            if name_of(part) in {"text-box", "note-body"}:
                self.read(part)
            elif name_of(part) == "object":
                self._add_object(part)

    def _add_list(self, element: Element) -> None:
        style = attribute(element, "style-name")
        is_numbered = style in self.numbered if style else bool(self._lists and self._lists[-1] is not None)
        self._lists.append(0 if is_numbered else None)
        for item in element:
            if name_of(item) in {"list-item", "list-header"}:
                self._add_item(item)
        self._lists.pop()
        self._in_list = self._in_list and bool(self._lists)

    def _add_item(self, item: Element) -> None:
        count = self._lists[-1]
        if count is not None:
            count += 1
            self._lists[-1] = count
        mark = "-" if count is None else f"{count}."
        for part in item:
            name = name_of(part)
            if name == "list":
                self._add_list(part)
            elif name in {"p", "h"}:
                words = clean_prose("".join(_inline(part)))
                if words.strip():
                    indent = "  " * min(len(self._lists) - 1, _MAX_INDENT)
                    self.builder.add(f"{indent}{mark} {words}", separator="\n" if self._in_list else "\n\n")
                    self._in_list = True
                self._read_frames(part)

    def _add_sheet(self, table: Element) -> None:
        self._pages += 1
        with self.builder.page(self._pages):
            name = clean_line(attribute(table, "name") or "")[:200] or f"Sheet {self._pages}"
            self.builder.add_heading(name, level=1)
            self._add_table(table)
            shapes = child(table, "shapes")
            if shapes is not None:
                self.read(shapes)

    def _add_slide(self, page: Element) -> None:
        self._pages += 1
        with self.builder.page(self._pages):
            titles = [frame for frame in children(page, "frame") if attribute(frame, "class") == "title"]
            for frame in titles:
                words = clean_line(" ".join("".join(_inline(part)) for part in descendants(frame, "p")))
                if words:
                    self.builder.add_heading(words, level=1)
                page.remove(frame)
            self.read(page)

    def _add_object(self, element: Element) -> None:
        """Append an embedded chart: its title, then the table that it draws."""
        part = f"{(attribute(element, 'href') or '').removeprefix('./').rstrip('/')}/content.xml"
        chart = child(self.package.xml_if_any(part), "body", "chart", "chart")
        if chart is None:
            return
        for text in descendants(chart, "title"):
            words = clean_line(" ".join("".join(_inline(line)) for line in descendants(text, "p")))
            if words:
                self.builder.add(words)
        for table in children(chart, "table"):
            self._add_table(table)

    def _add_notes(self, notes: Element) -> None:
        for frame in children(notes, "frame"):
            if attribute(frame, "class") == "notes":
                text = clean_prose("\n".join("".join(_inline(part)) for part in descendants(frame, "p")))
                if text.strip():
                    self.builder.add(f"Notes: {text}")

    def _add_table(self, table: Element) -> None:
        stretch: list[list[str]] = []
        for row in plain_rows(_rows(table)):
            if any(row):
                stretch.append(row)
            if stretch and (not any(row) or len(stretch) >= _ROWS_AT_ONCE):
                self.builder.add_block(table_lines(stretch), kind="table")
                stretch = []
        if stretch:
            self.builder.add_block(table_lines(stretch), kind="table")


def _rows(table: Element) -> Iterator[list[Cell]]:
    """Yield rows of cells; an empty row once, however often it is repeated."""
    for part in table:
        name = name_of(part)
        if name in _WITH_ROWS:
            yield from _rows(part)
        elif name == "table-row":
            cells = list(_cells(part))
            while cells and not cells[-1].text:
                cells.pop()
            times = min(_repeated(part, "number-rows-repeated"), _MAX_REPEATED_ROWS) if cells else 1
            for _ in range(times):
                yield cells


def _cells(row: Element) -> Iterator[Cell]:
    """Yield a row's cells; those that a merged cell covers hold nothing of their own."""
    for part in row:
        name = name_of(part)
        if name in _WITH_CELLS:
            yield from _cells(part)
        elif name == "table-cell":
            text = clean_line(" ".join("".join(_inline(line)) for line in _paragraphs_of(part)))
            cell = Cell(
                text=text or clean_line(attribute(part, "value") or attribute(part, "date-value") or ""),
                columns=span_of(attribute(part, "number-columns-spanned")),
                rows=span_of(attribute(part, "number-rows-spanned")),
            )
            times = _repeated(part, "number-columns-repeated")
            yield from [cell] * min(times, _MAX_REPEATED_CELLS)


def _paragraphs_of(cell: Element) -> Iterator[Element]:
    """Yield the paragraphs of a cell, those of nested tables and lists, too, and none of its comments."""
    for part in cell:
        name = name_of(part)
        if name in {"p", "h"}:
            yield part
        elif name not in _SKIPPED:
            yield from _paragraphs_of(part)


def _repeated(element: Element, name: str) -> int:
    value = attribute(element, name) or "1"
    return max(int(value), 1) if value.isdigit() and len(value) < 9 else 1


def _inline(element: Element) -> Iterator[str]:
    """Yield a paragraph's characters; text boxes, notes, comments and formulas in it are read by themselves."""
    yield element.text or ""
    for part in element:
        name = name_of(part)
        if name == "s":
            yield " "
        elif name == "tab":
            yield "\t"
        elif name == "line-break":
            yield "\n"
        elif name not in _SKIPPED and name not in {"note", "text-box", "desc", "object", "binary-data"}:
            yield from _inline(part)
        yield part.tail or ""


def _numbered_lists(*roots: Element | None) -> frozenset[str]:
    """Return the names of list styles whose first level counts."""
    return frozenset(
        attribute(style, "name") or ""
        for root in roots
        if root is not None
        for style in descendants(root, "list-style")
        if _counts(next(iter(style), None))
    )


def _counts(level: Element | None) -> bool:
    return level is not None and name_of(level) == "list-level-style-number" and bool(attribute(level, "num-format"))


def _elements(element: Element | None) -> Iterator[Element]:
    yield from element if element is not None else ()
