"""Comma-separated values, whatever separates them: a row a line, cited by the source's line numbers."""

import csv
import io

from rag_core.parsed import ParsedDocument
from rag_core.text_cleaning import clean_line
from resources.clients.parsing.encoding import declared_charset, decode_text
from resources.clients.parsing.finishing import finished, table_lines
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.media_types import Claims
from resources.clients.parsing.rejections import unreadable
from resources.clients.parsing.text_builder import TextBuilder
from resources.clients.parsing.text_kinds import delimiter_of
from resources.clients.parsing.versions import CSV

_SAMPLE_CHARS = 64 * 1024
_MAX_FIELD_CHARS = 1024 * 1024
_BLOCK_ROWS = 1_000


def parse_csv(data: bytes, claims: Claims, limits: ParseLimits) -> ParsedDocument:
    """Return a table's rows as lines of cells; the page numbers are the lines on which the rows begin."""
    decoded = decode_text(data, declared=declared_charset(claims.media_type))
    delimiter = delimiter_of(decoded.text[:_SAMPLE_CHARS])
    builder = TextBuilder(max_bytes=limits.max_text_bytes)
    csv.field_size_limit(_MAX_FIELD_CHARS)
    rows = csv.reader(io.StringIO(decoded.text, newline=""), delimiter=delimiter or ",")
    line, count, block_start = 1, 0, -1
    try:
        for row in rows:
            text = table_lines([[clean_line(cell) for cell in row]])
            first, line = line, rows.line_num + 1
            if not text:
                continue
            with builder.page(first):
                start, end = builder.add(text, separator="\n")
            block_start = start if block_start < 0 else block_start
            count += 1
            if count % _BLOCK_ROWS == 0:
                builder.mark_block(block_start, end, kind="table")
                block_start = -1
    except csv.Error as error:
        raise unreadable(f"Its line {rows.line_num:,} is no row of values ({error}).") from error
    if block_start >= 0:
        builder.mark_block(block_start, len(builder), kind="table")
    return finished(
        builder,
        media_type=CSV,
        what="The table",
        name=claims.name,
        stated_title=claims.name.rpartition("/")[2].rpartition(".")[0],
        metadata={"encoding": decoded.encoding, "rows": count},
    )
