"""Markdown: the text a reader reads, with headings, code and tables known as such."""

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from rag_core.parsed import JsonValue, ParsedDocument
from rag_core.text_cleaning import clean_code, clean_line
from resources.clients.parsing.encoding import declared_charset, decode_text
from resources.clients.parsing.front_matter import split_front_matter
from resources.clients.parsing.html import fragment_text
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.media_types import Claims
from resources.clients.parsing.quality import has_text, unreadable_because
from resources.clients.parsing.rejections import no_text, unreadable
from resources.clients.parsing.text_builder import TextBuilder
from resources.clients.parsing.titles import chosen_title
from resources.clients.parsing.versions import MARKDOWN, PARSER_VERSIONS

_MAX_NESTING = 100


def parse_markdown(data: bytes, claims: Claims, limits: ParseLimits) -> ParsedDocument:
    """Return a Markdown document's text without its marks; front matter becomes metadata."""
    decoded = decode_text(data, declared=declared_charset(claims.media_type))
    front_matter, body = split_front_matter(decoded.text, required_mapping=True)
    reason = unreadable_because(body)
    if reason:
        raise unreadable(f"Its text cannot be read: {reason}.")
    builder = TextBuilder(max_bytes=limits.max_text_bytes)
    _Reader(builder).read(_tokens(body))
    text = builder.text()
    if not has_text(text):
        raise no_text("The Markdown file")
    metadata: dict[str, JsonValue] = {"encoding": decoded.encoding, **front_matter}
    return ParsedDocument(
        text=text,
        title=chosen_title(stated=front_matter.get("title"), headings=builder.headings, text=text, name=claims.name),
        media_type=MARKDOWN,
        parser=PARSER_VERSIONS[MARKDOWN],
        headings=tuple(builder.headings),
        blocks=tuple(builder.blocks),
        metadata=metadata,
    )


def _tokens(body: str) -> list[Token]:
    """Return markdown-it's tokens; it would drop in silence what is nested too deeply, so that is rejected."""
    parser = MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING}).enable(["table", "strikethrough"])
    tokens = parser.parse(body)
    if any(token.level >= _MAX_NESTING - 1 for token in tokens):
        raise unreadable(f"Its quotes or lists are nested deeper than {_MAX_NESTING} levels.")
    return tokens


class _Reader:
    """Walks markdown-it's flat token list and appends what a reader sees."""

    def __init__(self, builder: TextBuilder) -> None:
        self._builder = builder
        self._lists: list[int | None] = []  # the next number of each open list; None for bullets
        self._marker = ""
        self._tight = False

    def read(self, tokens: Sequence[Token]) -> None:
        """Append the tokens' text in reading order."""
        at = 0
        while at < len(tokens):
            token = tokens[at]
            if token.type == "heading_open":
                words = clean_line(_inline_text(tokens[at + 1]))
                if words:
                    self._builder.add_heading(words, level=int(token.tag[1]))
                at += 3
            elif token.type == "table_open":
                at = self._read_table(tokens, at)
            else:
                self._read_block(token)
                at += 1

    def _read_block(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open":
                self._lists.append(None)
            case "ordered_list_open":
                self._lists.append(int(token.attrs.get("start", 1)))
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
                self._tight = bool(self._lists)
            case "list_item_open":
                self._open_item()
            case "inline":
                self._add(clean_prose_lines(_inline_text(token)))
            case "fence" | "code_block":
                code = clean_code(token.content)
                if code.strip():
                    self._builder.add_block(code, kind="code")
                self._tight = False
            case "html_block":
                self._add(fragment_text(token.content))
            case _:
                pass

    def _open_item(self) -> None:
        """Prepare the mark in front of the next item: a dash or its number, indented by depth."""
        number = self._lists[-1]
        indent = "  " * (min(len(self._lists), 9) - 1)
        self._marker = f"{indent}- " if number is None else f"{indent}{number}. "
        if number is not None:
            self._lists[-1] = number + 1

    def _add(self, text: str) -> None:
        if not text:
            return
        self._builder.add(self._marker + text, separator="\n" if self._marker and self._tight else "\n\n")
        self._tight = bool(self._lists)
        self._marker = ""

    def _read_table(self, tokens: Sequence[Token], at: int) -> int:
        """Append a table as lines of cells and return the place behind it."""
        rows: list[list[str]] = []
        at += 1
        while tokens[at].type != "table_close":
            if tokens[at].type == "tr_open":
                rows.append([])
            elif tokens[at].type == "inline":
                rows[-1].append(clean_line(_inline_text(tokens[at])))
            at += 1
        lines = [" | ".join(row) for row in rows if any(row)]
        if lines:
            self._builder.add_block("\n".join(lines), kind="table")
        self._tight = False
        return at + 1


def clean_prose_lines(text: str) -> str:
    """Return inline text with single spaces; hard breaks stay line ends."""
    return "\n".join(line for part in text.split("\n") if (line := clean_line(part)))


def _inline_text(token: Token) -> str:
    """Return the words of an inline token: link texts, picture descriptions, code; no addresses, no tags."""
    pieces: list[str] = []
    for child in token.children or ():
        match child.type:
            case "text" | "code_inline" | "text_special":
                pieces.append(child.content.replace("\n", " "))
            case "softbreak":
                pieces.append(" ")
            case "hardbreak":
                pieces.append("\n")
            case "image":
                pieces.append(child.content if not child.children else _inline_text(child))
            case "html_inline":
                pieces.append("\n" if child.content.lower().startswith("<br") else "")
            case _:
                pass
    return "".join(pieces)
