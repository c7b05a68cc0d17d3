"""Source code: its lines as they are, its definitions as headings, cited by line numbers."""

import re
from itertools import pairwise

from rag_core.parsed import Heading, PageSpan, ParsedDocument
from rag_core.text_cleaning import clean_characters
from resources.clients.parsing.definitions import definitions_in
from resources.clients.parsing.encoding import declared_charset, decode_text
from resources.clients.parsing.finishing import finished
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.media_types import Claims
from resources.clients.parsing.programming_languages import language_by_name, language_by_shebang
from resources.clients.parsing.text_builder import TextBuilder
from resources.clients.parsing.versions import SOURCE_CODE

_LINE_ENDS = re.compile("\r\n?")
_MAX_LEVEL = 6


def parse_source_code(data: bytes, claims: Claims, limits: ParseLimits) -> ParsedDocument:
    """Return a program's text; line ``n`` of the text is line ``n`` of the file, and its pages are its lines."""
    decoded = decode_text(data, declared=declared_charset(claims.media_type))
    lines = [_clean(line) for line in _LINE_ENDS.sub("\n", decoded.text).split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    builder = TextBuilder(max_bytes=limits.max_text_bytes)
    builder.add("\n".join(lines))
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    builder.pages += [
        PageSpan(number=number, start=start, end=following - 1)
        for number, (start, following) in enumerate(pairwise(starts), start=1)
    ]
    for found in definitions_in(lines):
        start, end = starts[found.first_line], starts[found.line] + len(lines[found.line])
        level = min(found.level, _MAX_LEVEL)
        builder.headings.append(Heading(level=level, text=found.name, start=start, end=end))
    bounds = sorted({0, len(builder), *(heading.start for heading in builder.headings)})
    for start, end in pairwise(bounds):
        builder.mark_block(start, end, kind="code")
    language = language_by_name(claims.name) or language_by_shebang(data[:200]) or ""
    metadata = {"encoding": decoded.encoding, "lines": len(lines), "programming_language": language}
    return finished(
        builder,
        media_type=SOURCE_CODE,
        what="The program",
        name=claims.name,
        stated_title=claims.name.rpartition("/")[2] and claims.name,
        metadata={key: value for key, value in metadata.items() if value},
    )


def _clean(line: str) -> str:
    """Return one line as it is read; a character that other programs take for a line end must not shift the count."""
    return clean_characters(re.sub("[\n\x0b\x0c\u2028\u2029]", " ", line)).rstrip()
