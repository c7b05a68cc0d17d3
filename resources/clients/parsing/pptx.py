"""PowerPoint: slides in the order of the show, titles as headings, tables and charts as rows, notes and comments."""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from rag_core.errors import DocumentRejected, QuarantineKind
from rag_core.parsed import ParsedDocument
from rag_core.text_cleaning import clean_line, clean_prose
from resources.clients.parsing.charts import chart_rows
from resources.clients.parsing.finishing import finished, table_lines
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.media_types import Claims
from resources.clients.parsing.office_properties import core_properties
from resources.clients.parsing.packages import Package
from resources.clients.parsing.rejections import too_many_pages, unreadable
from resources.clients.parsing.table_grid import Cell, plain_rows, span_of
from resources.clients.parsing.text_builder import TextBuilder
from resources.clients.parsing.versions import PPTX
from resources.clients.parsing.xml_trees import attribute, child, children, descendants, name_of, words_in

_TITLES = frozenset({"title", "ctrTitle"})
_FURNITURE = frozenset({"dt", "ftr", "sldNum", "hdr", "sldImg"})


def parse_pptx(data: bytes, claims: Claims, limits: ParseLimits) -> ParsedDocument:
    """Return a presentation's text; its pages are the slides, and a slide that is broken costs that slide."""
    package = Package(data, limits)
    main = next(iter(package.related("", "officeDocument")), "ppt/presentation.xml")
    slides = _slides(package, main)
    if not slides:
        raise unreadable("It has no slides.")
    if len(slides) > limits.max_pages:
        raise too_many_pages(len(slides), limits.max_pages)
    authors = _comment_authors(package, main)
    builder = TextBuilder(max_bytes=limits.max_text_bytes)
    warnings: list[str] = []
    for number, part in enumerate(slides, start=1):
        try:
            with builder.page(number):
                _Slide(package, part, builder, authors).read()
        except DocumentRejected as rejected:
            if rejected.kind is not QuarantineKind.UNREADABLE:
                raise
            warnings.append(f"slide {number}: {rejected.message}")
    properties = core_properties(package)
    return finished(
        builder,
        media_type=PPTX,
        what=f"The presentation ({len(slides)} slides)",
        name=claims.name,
        stated_title=properties.get("title"),
        metadata={**properties, "slide_count": len(slides)},
        warnings=warnings,
    )


def _slides(package: Package, main: str) -> list[str]:
    """Return the slides' parts in the order of the show; hidden ones are part of the file and of its text."""
    relations = package.relations(main)
    listed = child(package.xml(main), "sldIdLst")
    ids = [_relation_id(entry) for entry in children(listed, "sldId")] if listed is not None else []
    return [relations[one].part for one in ids if one in relations]


def _relation_id(element: Element) -> str:
    """Return the ``r:id``; the plain ``id`` beside it is another number."""
    return next((value for key, value in element.items() if key.startswith("{") and key.endswith("}id")), "")


@dataclass(slots=True)
class _Slide:
    """Reads one slide's shapes in drawing order, its title first."""

    package: Package
    part: str
    builder: TextBuilder
    authors: dict[str, str]

    def read(self) -> None:
        """Append everything the slide says, then its notes and comments."""
        tree = child(self.package.xml(self.part), "cSld", "spTree")
        shapes = list(_shapes(tree)) if tree is not None else []
        titles = [shape for shape in shapes if _placeholder(shape) in _TITLES]
        for shape in titles:
            words = clean_line(" ".join(_paragraphs(shape)))
            if words:
                self.builder.add_heading(words, level=1)
        for shape in shapes:
            if shape not in titles and _placeholder(shape) not in _FURNITURE:
                self._add(shape)
        for notes in self.package.related(self.part, "notesSlide"):
            self._add_notes(notes)
        for comments in self.package.related(self.part, "comments"):
            root = self.package.xml_if_any(comments)
            for comment in _comments(root, self.authors) if root is not None else ():
                self.builder.add(comment)

    def _add(self, shape: Element) -> None:
        if name_of(shape) == "graphicFrame":
            for table in descendants(shape, "tbl"):
                self._add_table(list(plain_rows(list(_cells(row)) for row in children(table, "tr"))))
            for reference in descendants(shape, "chart"):
                self._add_related(_relation_id(reference), "chart")
            for reference in descendants(shape, "relIds"):
                self._add_related(attribute(reference, "dm") or "", "diagram")
            return
        text = clean_prose("\n".join(_paragraphs(shape)))
        if text.strip():
            self.builder.add(text)

    def _add_related(self, relation_id: str, kind: str) -> None:
        relation = self.package.relations(self.part).get(relation_id)
        root = self.package.xml_if_any(relation.part) if relation is not None and not relation.is_external else None
        if root is None:
            return
        if kind == "chart":
            self._add_table(chart_rows(root))
        else:
            text = clean_prose("\n".join(_paragraphs(root)))
            if text.strip():
                self.builder.add(text)

    def _add_table(self, rows: list[list[str]]) -> None:
        lines = table_lines(rows)
        if lines:
            self.builder.add_block(lines, kind="table")

    def _add_notes(self, part: str) -> None:
        root = self.package.xml_if_any(part)
        tree = child(root, "cSld", "spTree")
        for shape in _shapes(tree) if tree is not None else ():
            text = clean_prose("\n".join(_paragraphs(shape))) if _placeholder(shape) not in _FURNITURE else ""
            if text.strip():
                self.builder.add(f"Notes: {text}")


def _cells(row: Element) -> Iterator[Cell]:
    """Yield a row's cells; those that a merged cell covers hold nothing of their own."""
    for cell in children(row, "tc"):
        if attribute(cell, "hMerge") is None and attribute(cell, "vMerge") is None:
            yield Cell(
                text=clean_line(" ".join(_paragraphs(cell))),
                columns=span_of(attribute(cell, "gridSpan")),
                rows=span_of(attribute(cell, "rowSpan")),
            )


def _shapes(tree: Element) -> Iterator[Element]:
    """Yield shapes and graphic frames, those in groups, too."""
    for element in tree:
        name = name_of(element)
        if name in {"sp", "graphicFrame", "cxnSp"}:
            yield element
        elif name in {"grpSp", "AlternateContent", "Choice"}:
            yield from _shapes(element)


def _placeholder(shape: Element) -> str:
    for properties in ("nvSpPr", "nvGraphicFramePr"):
        placeholder = child(shape, properties, "nvPr", "ph")
        if placeholder is not None:
            return attribute(placeholder, "type") or "body"
    return ""


def _paragraphs(element: Element) -> Iterator[str]:
    """Yield the text of each paragraph below an element."""
    for paragraph in descendants(element, "p"):
        pieces: list[str] = []
        for part in paragraph.iter():
            name = name_of(part)
            if name == "t":
                pieces.append(part.text or "")
            elif name == "br":
                pieces.append("\n")
        if any(piece.strip() for piece in pieces):
            yield "".join(pieces)


def _comment_authors(package: Package, main: str) -> dict[str, str]:
    """Return the authors of comments by their ids, of the old form and the new one."""
    authors: dict[str, str] = {}
    for part in (*package.related(main, "commentAuthors"), *package.related(main, "authors")):
        root = package.xml_if_any(part)
        for author in root if root is not None else ():
            authors[attribute(author, "id") or ""] = clean_line(attribute(author, "name") or "")
    return authors


def _comments(root: Element, authors: dict[str, str]) -> Iterator[str]:
    """Yield the comments of a part with their authors, of the old form (``p:cm/p:text``) and the new one."""
    for comment in root.iter():
        if name_of(comment) in {"cm", "reply"}:
            new = child(comment, "txBody")
            text = clean_line(words_in(child(comment, "text")) if new is None else " ".join(_paragraphs(new)))
            author = authors.get(attribute(comment, "authorId") or "", "")
            if text:
                yield f"Comment{author and ' by '}{author}: {text}"
