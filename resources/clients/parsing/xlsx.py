"""Excel workbooks: sheet by sheet, rows as lines of cells; a sheet's name is the heading above them."""

# openpyxl ships no types: what it returns is looked at before it is used.
# pyright: reportMissingTypeStubs=false, reportMissingModuleSource=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast
from xml.etree.ElementTree import Element

from rag_core.parsed import ParsedDocument
from rag_core.text_cleaning import clean_line
from resources.clients.parsing.charts import chart_rows
from resources.clients.parsing.finishing import finished, table_lines
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.media_types import Claims
from resources.clients.parsing.office_properties import core_properties
from resources.clients.parsing.packages import Package
from resources.clients.parsing.rejections import no_text, unreadable
from resources.clients.parsing.text_builder import TextBuilder
from resources.clients.parsing.versions import XLSX
from resources.clients.parsing.xlsx_rows import merged_cells_of, tables_of
from resources.clients.parsing.xml_trees import attribute, child, children, descendants, name_of, words_in

if TYPE_CHECKING:
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

_CELL_ERRORS = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)


def parse_xlsx(data: bytes, claims: Claims, limits: ParseLimits) -> ParsedDocument:
    """Return a workbook's values, formulas as last computed; its pages are the sheets.

    Rows are streamed, so a sheet costs the cells that it has, not the rectangle that it claims.
    """
    package = Package(data, limits)
    package.refuse_bombs()
    main = next(iter(package.related("", "officeDocument")), "xl/workbook.xml")
    reader = _Reader(package, TextBuilder(max_bytes=limits.max_text_bytes))
    reader.read(main, data)
    if not reader.has_cells:
        raise no_text("The workbook")
    properties = core_properties(package)
    return finished(
        reader.builder,
        media_type=XLSX,
        what="The workbook",
        name=claims.name,
        stated_title=properties.get("title") or claims.name.rpartition("/")[2].rpartition(".")[0],
        metadata={**properties, "sheets": list(reader.names)},
        warnings=reader.warnings,
    )


@dataclass(slots=True)
class _Reader:
    """Reads the sheets in the workbook's order: cells by openpyxl, charts and comments from their own parts."""

    package: Package
    builder: TextBuilder
    persons: dict[str, str] = field(default_factory=dict[str, str])
    names: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])
    has_cells: bool = False

    def read(self, main: str, data: bytes) -> None:
        """Append every sheet."""
        import openpyxl  # 0.2 s that only workbooks pay for

        sheets = child(self.package.xml(main), "sheets")
        relations = self.package.relations(main)
        for part in self.package.related(main, "person"):
            root = self.package.xml_if_any(part)
            for person in root if root is not None else ():
                self.persons[attribute(person, "id") or ""] = clean_line(attribute(person, "displayName") or "")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it tells of every feature that it does not keep
            try:
                workbook = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
            except _CELL_ERRORS as error:
                raise unreadable(f"Its workbook cannot be opened ({type(error).__name__}).") from error
            worksheets = {sheet.title: cast("ReadOnlyWorksheet", sheet) for sheet in workbook.worksheets}
            try:
                for number, entry in enumerate(children(sheets, "sheet") if sheets is not None else (), start=1):
                    name = attribute(entry, "name") or ""
                    relation = relations.get(attribute(entry, "id") or "")
                    with self.builder.page(number):
                        self._add_sheet(number, name, worksheets.get(name), relation.part if relation else "")
            finally:
                workbook.close()

    def _add_sheet(self, number: int, name: str, sheet: "ReadOnlyWorksheet | None", part: str) -> None:
        shown = clean_line(name)[:200] or f"Sheet {number}"
        self.names.append(shown)
        self.builder.add_heading(shown, level=1)
        below_heading = len(self.builder)
        if sheet is not None:
            try:
                sheet.reset_dimensions()  # what a sheet claims to span is often wrong
                merged = merged_cells_of(self.package.read(part)) if part in self.package else {}
                for rows in tables_of(sheet.iter_rows(values_only=True), merged):
                    self.builder.add_block(table_lines(rows), kind="table")
            except _CELL_ERRORS as error:
                self.warnings.append(f"sheet {number}: rows could not be read to the end ({type(error).__name__})")
        for chart in self._charts(part):
            lines = table_lines(chart)
            if lines:
                self.builder.add_block(lines, kind="table")
        for comment in self._comments(part):
            self.builder.add(comment)
        self.has_cells = self.has_cells or len(self.builder) > below_heading

    def _charts(self, part: str) -> Iterator[list[list[str]]]:
        for drawing in self.package.related(part, "drawing") if part else ():
            for chart in self.package.related(drawing, "chart"):
                root = self.package.xml_if_any(chart)
                if root is not None:
                    yield chart_rows(root)

    def _comments(self, part: str) -> Iterator[str]:
        """Yield comments with cell and author; the old form of a thread only repeats it."""
        for kind in ("comments", "threadedComment"):
            for comments in self.package.related(part, kind) if part else ():
                root = self.package.xml_if_any(comments)
                yield from _comments_in(root, self.persons) if root is not None else ()


def _comments_in(root: Element, persons: dict[str, str]) -> Iterator[str]:
    authors = [clean_line(words_in(one)) for one in descendants(root, "author")]
    for comment in root.iter():
        if name_of(comment) not in {"comment", "threadedComment"}:
            continue
        at = attribute(comment, "authorId") or ""
        author = authors[int(at)] if at.isdigit() and int(at) < len(authors) else ""
        author = author or persons.get(attribute(comment, "personId") or "", "")
        text = clean_line(words_in(child(comment, "text")))
        if text and not author.startswith("tc="):
            yield f"Comment on {attribute(comment, 'ref') or ''}{author and ' by '}{author}: {text}"
