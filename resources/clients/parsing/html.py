"""HTML: the main text of a page, with headings, code and tables; scripts, navigation and hidden parts left out."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from rag_core.parsed import JsonValue, ParsedDocument
from rag_core.text_cleaning import clean_code, clean_line, clean_prose
from resources.clients.parsing.encoding import declared_charset, decode_text
from resources.clients.parsing.finishing import table_lines
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.media_types import Claims
from resources.clients.parsing.quality import has_text, unreadable_because
from resources.clients.parsing.rejections import no_text, unreadable
from resources.clients.parsing.table_grid import Cell, plain_rows, span_of
from resources.clients.parsing.text_builder import TextBuilder
from resources.clients.parsing.titles import chosen_title
from resources.clients.parsing.versions import HTML, PARSER_VERSIONS

# One name a line would push the code out of sight.
# fmt: off
_SKIPPED = frozenset({
    "script", "style", "noscript", "template", "nav", "svg", "math", "iframe", "object", "embed", "canvas",
    "audio", "video", "map", "head", "title", "dialog", "button", "select", "option", "input", "textarea",
    "datalist",
})
_SKIPPED_OUTSIDE_MAIN = frozenset({"header", "footer", "aside"})
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr", "legend", "li", "main",
    "ol", "p", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
})
# fmt: on
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LAYOUT_INSIDE = "table table, h1, h2, h3, h4, h5, h6, pre, ul, ol, p + p"
_ONE_LINE = dict.fromkeys(map(ord, "\n\r\f\v"), " ")  # a line end in the source is a space to a reader
_META_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_MAX_META = 64
# XHTML may close any element in its own tag; to an HTML parser `<title/>` opens one that never ends.
_SELF_CLOSED = re.compile(
    r"<(?!(?:br|hr|img|input|meta|link|col|area|base|embed|source|wbr)\b)([A-Za-z][\w:-]*)([^<>]*?)/>"
)


def parse_html(data: bytes, claims: Claims, limits: ParseLimits) -> ParsedDocument:
    """Return a page's main text; ``<meta name=…>`` and the language become metadata."""
    declared = declared_charset(claims.media_type) or declared_charset(data[:4096].decode("latin-1"))
    decoded = decode_text(data, declared=declared)
    tree = LexborHTMLParser(decoded.text)
    metadata = _metadata(tree)
    metadata["encoding"] = decoded.encoding
    builder = TextBuilder(max_bytes=limits.max_text_bytes)
    main = _main_node(tree)
    if main is not None:
        _Reader(builder).read(main)
    text = builder.text()
    if not has_text(text):
        raise no_text("The page")
    reason = unreadable_because(text)
    if reason:
        raise unreadable(f"Its text cannot be read: {reason}.")
    title = tree.css_first("head title") or tree.css_first("title")
    return ParsedDocument(
        text=text,
        title=chosen_title(
            stated=title.text() if title is not None else metadata.get("og:title"),
            headings=builder.headings,
            text=text,
            name=claims.name,
        ),
        media_type=HTML,
        parser=PARSER_VERSIONS[HTML],
        headings=tuple(builder.headings),
        blocks=tuple(builder.blocks),
        metadata=metadata,
    )


def append_page(builder: TextBuilder, data: bytes) -> None:
    """Append the text of one XHTML page of a larger document, for example of a book."""
    decoded = decode_text(data, declared=declared_charset(data[:4096].decode("latin-1")))
    tree = LexborHTMLParser(_SELF_CLOSED.sub(r"<\1\2></\1>", decoded.text))
    if tree.body is not None:
        _Reader(builder).read(tree.body)


def fragment_text(markup: str) -> str:
    """Return the text of a piece of HTML, for example one inside Markdown; comments and tags give nothing."""
    body = LexborHTMLParser(markup).body
    if body is None:
        return ""
    builder = TextBuilder(max_bytes=4 * len(markup) + 1024)
    _Reader(builder).read(body)
    return builder.text()


def _metadata(tree: LexborHTMLParser) -> dict[str, JsonValue]:
    metadata: dict[str, JsonValue] = {}
    for node in tree.css("meta"):
        name = (node.attributes.get("name") or node.attributes.get("property") or "").lower()
        content = clean_line(node.attributes.get("content") or "")[:2000]
        if content and len(metadata) < _MAX_META and _META_NAME.fullmatch(name):
            metadata.setdefault(name, content)
    root = tree.css_first("html")
    language = clean_line((root.attributes.get("lang") or "") if root is not None else "")
    if language:
        metadata["lang"] = language[:35]
    return metadata


def _main_node(tree: LexborHTMLParser) -> LexborNode | None:
    """Return the node with the page's own text: a single ``<main>`` or ``<article>`` of some size, or the body."""
    body = tree.body
    for selector in ("main", "[role=main]", "article"):
        found = tree.css(selector)
        if len(found) == 1 and len(clean_line(found[0].text())) >= 200:
            return found[0]
    return body if body is not None else tree.root


@dataclass(slots=True)
class _Reader:
    """Walks a tree without recursion (hostile pages nest a hundred thousand levels) and appends its text."""

    builder: TextBuilder
    _line: list[str] = field(default_factory=list[str])
    _marker: str = ""
    _numbers: list[int | None] = field(default_factory=list["int | None"])
    _in_list_run: bool = False

    def read(self, root: LexborNode) -> None:
        """Append the text below a node in reading order."""
        for node, entering in _walk(root, self._takes_whole, is_main=root.tag != "body"):
            tag = node.tag or ""
            if tag == "-text":
                self._line.append((node.text_content or "").translate(_ONE_LINE))
            elif tag == "br":
                self._line.append("\n")
            elif tag == "img" and entering:
                self._line.append(f" {node.attributes.get('alt') or ''} ")
            elif tag in _BLOCKS:
                self._flush()
                self._list_bounds(tag, entering=entering)
        self._flush()

    def _takes_whole(self, node: LexborNode) -> bool:
        """Append headings, code and data tables in one piece; say whether the node is done with."""
        tag = node.tag or ""
        if tag in _HEADINGS:
            self._flush()
            words = clean_line(node.text(separator=""))
            if words:
                self.builder.add_heading(words, level=_HEADINGS[tag])
        elif tag == "pre":
            self._flush()
            code = clean_code(node.text(separator=""))
            if code.strip():
                self.builder.add_block(code, kind="code")
        elif tag == "table" and node.css_first(_LAYOUT_INSIDE) is None:
            self._flush()
            self._add_table(node)
        else:
            return False
        self._in_list_run = False
        return True

    def _add_table(self, table: LexborNode) -> None:
        rows = ([_cell(cell) for cell in row.css("th, td")] for row in table.css("tr"))
        lines = table_lines(list(plain_rows(rows)))
        caption = table.css_first("caption")
        if caption is not None and clean_line(caption.text()):
            lines = f"{clean_line(caption.text())}\n{lines}".rstrip("\n")
        if lines:
            self.builder.add_block(lines, kind="table")

    def _list_bounds(self, tag: str, *, entering: bool) -> None:
        if tag in {"ul", "ol"}:
            if entering:
                self._numbers.append(1 if tag == "ol" else None)
            elif self._numbers:
                self._numbers.pop()
            self._in_list_run = self._in_list_run and bool(self._numbers)
        elif tag == "li" and entering:
            number = self._numbers[-1] if self._numbers else None
            indent = "  " * (min(max(len(self._numbers), 1), 9) - 1)
            self._marker = f"{indent}- " if number is None else f"{indent}{number}. "
            if number is not None:
                self._numbers[-1] = number + 1

    def _flush(self) -> None:
        """Append the collected inline text as one paragraph or list item."""
        text = clean_prose("".join(self._line))
        self._line.clear()
        if not text.strip():
            return
        item = bool(self._marker)
        self.builder.add(self._marker + text, separator="\n" if item and self._in_list_run else "\n\n")
        self._in_list_run = item or (self._in_list_run and bool(self._numbers))
        self._marker = ""


def _cell(node: LexborNode) -> Cell:
    return Cell(
        text=clean_line(node.text(separator=" ")),
        columns=span_of(node.attributes.get("colspan")),
        rows=span_of(node.attributes.get("rowspan")),
    )


def _walk(
    root: LexborNode, takes_whole: Callable[[LexborNode], bool], *, is_main: bool
) -> Iterator[tuple[LexborNode, bool]]:
    """Yield every node on entering it and elements again on leaving; leave out what no reader sees."""
    node, depth = root, 0
    while True:
        child = None
        if depth == 0 or not (_is_skipped(node, is_main=is_main) or takes_whole(node)):
            yield node, True
            child = node.first_child
        if child is not None:
            node, depth = child, depth + 1
            continue
        following = node.next
        while depth and following is None:
            parent = node.parent
            if parent is None:
                return
            node, depth = parent, depth - 1
            yield node, False
            following = node.next
        if depth == 0 or following is None:
            return
        node = following


def _is_skipped(node: LexborNode, *, is_main: bool) -> bool:
    tag = node.tag or ""
    if tag == "-text":
        return False
    if tag.startswith("-") or tag in _SKIPPED or (tag in _SKIPPED_OUTSIDE_MAIN and not is_main):
        return True
    attributes = node.attributes
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    return "display:none" in (attributes.get("style") or "").replace(" ", "").lower()
