"""Plain text: its characters, front matter if it has some, nothing interpreted."""

from rag_core.parsed import JsonValue, ParsedDocument
from rag_core.text_cleaning import clean_prose
from resources.clients.parsing.encoding import declared_charset, decode_text
from resources.clients.parsing.front_matter import split_front_matter
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.media_types import Claims
from resources.clients.parsing.quality import has_text, unreadable_because
from resources.clients.parsing.rejections import no_text, unreadable
from resources.clients.parsing.text_builder import TextBuilder
from resources.clients.parsing.titles import chosen_title
from resources.clients.parsing.versions import PARSER_VERSIONS, PLAIN_TEXT


def parse_plain_text(data: bytes, claims: Claims, limits: ParseLimits) -> ParsedDocument:
    """Return the text of a plain text file; paragraphs stay apart by blank lines, indentation goes."""
    decoded = decode_text(data, declared=declared_charset(claims.media_type))
    front_matter, body = split_front_matter(decoded.text, required_mapping=False)
    if not has_text(body):
        raise no_text("The text file")
    reason = unreadable_because(body)
    if reason:
        raise unreadable(f"Its text cannot be read: {reason}.")
    builder = TextBuilder(max_bytes=limits.max_text_bytes)
    builder.add(clean_prose(body))
    metadata: dict[str, JsonValue] = {"encoding": decoded.encoding, **front_matter}
    text = builder.text()
    return ParsedDocument(
        text=text,
        title=chosen_title(stated=front_matter.get("title"), headings=[], text=text, name=claims.name),
        media_type=PLAIN_TEXT,
        parser=PARSER_VERSIONS[PLAIN_TEXT],
        metadata=metadata,
    )
