"""Names and versions of the parsers: a raised number makes exactly that parser's documents due again."""

from typing import Final

PDF: Final = "application/pdf"
MARKDOWN: Final = "text/markdown"
HTML: Final = "text/html"
PLAIN_TEXT: Final = "text/plain"

PARSER_VERSIONS: Final[dict[str, str]] = {
    PDF: "pdf/1",
    MARKDOWN: "markdown/1",
    HTML: "html/1",
    PLAIN_TEXT: "text/1",
}
"""Media type to the parser that reads it; ``ParsedDocument.parser`` is always one of these values."""

ALL_PARSERS: Final = " ".join(sorted(PARSER_VERSIONS.values()))
"""The whole set in one string, for documents whose format no parser knew: a new parser makes them due again."""
