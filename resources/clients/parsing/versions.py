"""Names and versions of the parsers: a raised number makes exactly that parser's documents due again."""

from typing import Final

PDF: Final = "application/pdf"
MARKDOWN: Final = "text/markdown"
HTML: Final = "text/html"
PLAIN_TEXT: Final = "text/plain"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODT: Final = "application/vnd.oasis.opendocument.text"
ODS: Final = "application/vnd.oasis.opendocument.spreadsheet"
ODP: Final = "application/vnd.oasis.opendocument.presentation"
EPUB: Final = "application/epub+zip"
EMAIL: Final = "message/rfc822"
CSV: Final = "text/csv"
JSON_LINES: Final = "application/jsonl"
SOURCE_CODE: Final = "text/x-source-code"

PARSER_VERSIONS: Final[dict[str, str]] = {
    PDF: "pdf/2",
    MARKDOWN: "markdown/2",
    HTML: "html/2",
    PLAIN_TEXT: "text/2",
    DOCX: "docx/1",
    PPTX: "pptx/1",
    XLSX: "xlsx/1",
    ODT: "odt/1",
    ODS: "ods/1",
    ODP: "odp/1",
    EPUB: "epub/1",
    EMAIL: "email/1",
    CSV: "csv/1",
    JSON_LINES: "jsonl/1",
    SOURCE_CODE: "code/1",
}
"""Media type to the parser that reads it; ``ParsedDocument.parser`` is always one of these values."""

ALL_PARSERS: Final = " ".join(sorted(PARSER_VERSIONS.values()))
"""The whole set in one string, for documents whose format no parser knew: a new parser makes them due again."""
