"""Word documents: paragraphs, headings, lists, tables, text boxes, formulas, notes and comments in reading order.

The parts are walked as XML instead of through a library's object model: text boxes, content controls, formulas,
comments, tracked changes and the strict flavour of the format lie outside of what such models show.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from rag_core.parsed import ParsedDocument
from rag_core.text_cleaning import clean_code, clean_line, clean_prose
from resources.clients.parsing.charts import chart_rows
from resources.clients.parsing.docx_styles import Numbering, Style, numbering_in, numbering_of, styles_of
from resources.clients.parsing.finishing import finished, table_lines
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.media_types import Claims
from resources.clients.parsing.office_properties import core_properties
from resources.clients.parsing.packages import Package
from resources.clients.parsing.rejections import unreadable
from resources.clients.parsing.table_grid import Cell, plain_rows, span_of
from resources.clients.parsing.text_builder import TextBuilder
from resources.clients.parsing.versions import DOCX
from resources.clients.parsing.xml_trees import attribute, child, children, descendants, name_of, value_at

_REMOVED = frozenset({"del", "moveFrom", "Fallback", "instrText", "delText", "delInstrText", "rPr", "pPr", "tblPr"})
_PLAIN = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_NOT_NOTES = frozenset({"separator", "continuationSeparator", "continuationNotice"})
_CODE_STYLES = ("code", "source", "htmlpreformatted", "preformatted")
_MAX_INDENT = 8


def parse_docx(data: bytes, claims: Claims, limits: ParseLimits) -> ParsedDocument:
    """Return a Word document's text; removed text of tracked changes is left out, inserted text is in."""
    package = Package(data, limits)
    main = next(iter(package.related("", "officeDocument")), "word/document.xml")
    body = child(package.xml(main), "body")
    if body is None:
        raise unreadable("Its main part has no body.")
    styles = next(iter(package.related(main, "styles")), "word/styles.xml")
    numbering = next(iter(package.related(main, "numbering")), "word/numbering.xml")
    builder = TextBuilder(max_bytes=limits.max_text_bytes)
    reader = _Reader(
        package, main, builder, styles_of(package.xml_if_any(styles)), numbering_of(package.xml_if_any(numbering))
    )
    reader.read(body)
    for kind, entry in (("footnotes", "footnote"), ("endnotes", "endnote"), ("comments", "comment")):
        for part in package.related(main, kind):
            root = package.xml_if_any(part)
            for note in children(root, entry) if root is not None else ():
                if attribute(note, "type") not in _NOT_NOTES:
                    reader.read_note(note)
    properties = core_properties(package)
    return finished(
        builder,
        media_type=DOCX,
        what="The Word document",
        name=claims.name,
        stated_title=properties.get("title"),
        metadata=properties,
    )


@dataclass(slots=True)
class _Reader:
    """Walks block elements in order; text boxes follow the paragraph that they are anchored in."""

    package: Package
    main: str
    builder: TextBuilder
    styles: dict[str, Style]
    numbering: Numbering
    _in_list: bool = False
    _code: list[str] = field(default_factory=list[str])

    def read(self, container: Element) -> None:
        """Append the text of a body, a cell, a note or a text box."""
        for block in _blocks(container):
            if name_of(block) == "tbl":
                self._end_code()
                self._add_table(block)
            else:
                self._add_paragraph(block)
        self._end_code()

    def read_note(self, note: Element) -> None:
        """Append a footnote, an endnote or a comment, the latter with its author."""
        author = clean_line(attribute(note, "author") or "")
        if author:
            self.builder.add(f"Comment by {author}:")
        self.read(note)

    def _add_paragraph(self, paragraph: Element) -> None:
        properties = child(paragraph, "pPr")
        style_id = value_at(properties, "pStyle") or ""
        style = self.styles.get(style_id, Style())
        raw = "".join(_inline(paragraph))
        if style_id.casefold().replace(" ", "").startswith(_CODE_STYLES):
            self._code.append(raw)
            return
        self._end_code()
        text = clean_prose(raw)
        if text.strip():
            self._add_text(text, style, properties)
        for box in _text_boxes(paragraph):
            self._in_list = False
            self.read(box)
        for drawing in descendants(paragraph, "chart"):
            self._add_chart(drawing)

    def _add_text(self, text: str, style: Style, properties: Element | None) -> None:
        outline = value_at(properties, "outlineLvl")
        level = int(outline) + 1 if outline is not None and outline in "012345678" else style.heading_level
        listed = numbering_in(properties) or style.numbering
        mark = self.numbering.mark(*listed) if listed else ""
        if level and len(text) <= 300:
            words = clean_line(text)
            self.builder.add_heading(f"{mark} {words}" if mark not in {"", "-"} else words, level=level)
            self._in_list = False
            return
        if mark and listed:
            indent = "  " * min(listed[1], _MAX_INDENT)
            self.builder.add(f"{indent}{mark} {text}", separator="\n" if self._in_list else "\n\n")
        else:
            self.builder.add(text)
        self._in_list = bool(mark)

    def _add_table(self, table: Element) -> None:
        rows = [list(_inside(row, "tc")) for row in _inside(table, "tr")]
        if [len(row) for row in rows] == [1]:  # a frame around paragraphs, not a table
            self.read(rows[0][0])
        else:
            lines = table_lines(list(plain_rows(_cells(rows, at) for at in range(len(rows)))))
            if lines:
                self.builder.add_block(lines, kind="table")
        self._in_list = False

    def _add_chart(self, drawing: Element) -> None:
        relation = self.package.relations(self.main).get(attribute(drawing, "id") or "")
        root = self.package.xml_if_any(relation.part) if relation is not None and not relation.is_external else None
        lines = table_lines(chart_rows(root)) if root is not None else ""
        if lines:
            self.builder.add_block(lines, kind="table")

    def _end_code(self) -> None:
        code = clean_code("\n".join(self._code))
        self._code.clear()
        if code.strip():
            self.builder.add_block(code, kind="code")
            self._in_list = False


def _blocks(container: Element) -> Iterator[Element]:
    """Yield paragraphs and tables, those inside content controls and insertions, too."""
    for element in container:
        name = name_of(element)
        if name in {"p", "tbl"}:
            yield element
        elif name == "sdt":
            content = child(element, "sdtContent")
            yield from _blocks(content) if content is not None else ()
        elif name in {"ins", "moveTo", "customXml", "smartTag", "AlternateContent", "Choice"}:
            yield from _blocks(element)
        elif name in {"oMathPara", "oMath"}:
            yield element


def _inside(element: Element, wanted: str) -> Iterator[Element]:
    """Yield rows of a table or cells of a row, those inside content controls, too."""
    for part in element:
        name = name_of(part)
        if name == wanted:
            yield part
        elif name in {"sdt", "sdtContent", "ins", "customXml"}:
            yield from _inside(part, wanted)


def _cells(table: list[list[Element]], at: int) -> list[Cell]:
    """Return a row's cells; those that go on from the row above are counted by the cell that they go on with."""
    cells: list[Cell] = []
    column = 0
    for cell in table[at]:
        columns = span_of(value_at(cell, "tcPr", "gridSpan"))
        if _merge_of(cell) != "continue":
            rows = 1
            while _merge_of(cell) and at + rows < len(table) and _goes_on_at(table[at + rows], column):
                rows += 1
            cells.append(Cell(text=_cell_text(cell), columns=columns, rows=rows))
        column += columns
    return cells


def _merge_of(cell: Element) -> str | None:
    merge = child(cell, "tcPr", "vMerge")
    return (attribute(merge, "val") or "continue") if merge is not None else None


def _goes_on_at(row: list[Element], wanted: int) -> bool:
    """Say whether a row's cell at a column goes on with the cell above it."""
    column = 0
    for cell in row:
        if column >= wanted:
            return column == wanted and _merge_of(cell) == "continue"
        column += span_of(value_at(cell, "tcPr", "gridSpan"))
    return False


def _inline(element: Element) -> Iterator[str]:
    """Yield the characters of a paragraph; not those of text boxes, removed text and field codes."""
    for part in element:
        name = name_of(part)
        if name in _REMOVED or name == "txbxContent":
            continue
        if name == "t":
            yield part.text or ""
        elif name in _PLAIN:
            yield _PLAIN[name]
        elif name == "sym":
            yield _symbol(part)
        elif name in {"checkBox", "checkbox"} and child(part, "checked") is not None:
            yield "[x]" if value_at(part, "checked") in {"1", "true", None} else "[ ]"
        else:
            yield from _inline(part)
            if name in {"num", "oMath"}:
                yield " "


def _symbol(part: Element) -> str:
    code = attribute(part, "char") or ""
    try:
        char = chr(int(code, 16))
    except (ValueError, OverflowError):
        return ""
    return "" if "\ue000" <= char <= "\uf8ff" else char


def _text_boxes(paragraph: Element) -> Iterator[Element]:
    """Yield the outermost text boxes anchored in a paragraph; a fallback repeats what its choice shows."""
    for part in paragraph:
        name = name_of(part)
        if name == "txbxContent":
            yield part
        elif name not in {"Fallback", "del", "moveFrom"}:
            yield from _text_boxes(part)


def _cell_text(cell: Element) -> str:
    pieces: list[str] = []
    for block in _blocks(cell):
        if name_of(block) == "tbl":
            rows = [[_cell_text(inner) for inner in _inside(row, "tc")] for row in _inside(block, "tr")]
            pieces += [text for row in rows for text in row]
        else:
            pieces.append("".join(_inline(block)))
            pieces += ["".join(_inline(inner)) for box in _text_boxes(block) for inner in descendants(box, "p")]
    return " ".join(text for piece in pieces if (text := clean_line(piece)))
