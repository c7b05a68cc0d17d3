"""JSON lines: one document, a record a line; each record is text of its own, cited by its line number."""

import json
import math
from collections.abc import Iterator
from typing import cast

from rag_core.parsed import JsonValue, ParsedDocument
from rag_core.text_cleaning import clean_line, clean_prose
from resources.clients.parsing.encoding import decode_text
from resources.clients.parsing.finishing import finished
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.media_types import Claims
from resources.clients.parsing.rejections import unreadable
from resources.clients.parsing.text_builder import TextBuilder
from resources.clients.parsing.versions import JSON_LINES

_TITLES = ("title", "headline", "subject", "name")
_TEXTS = ("text", "body", "content", "abstract", "description", "message", "passage")
_MAX_DEPTH = 6
_MAX_FIELDS = 500
_MAX_HEADING_CHARS = 200


def parse_json_lines(data: bytes, claims: Claims, limits: ParseLimits) -> ParsedDocument:
    """Return the records' words; a line that is no JSON costs that line and is named in the warnings.

    A record's title stands first, then its text, then its other fields as ``name: value``.
    """
    decoded = decode_text(data)
    builder = TextBuilder(max_bytes=limits.max_text_bytes)
    records, broken = 0, list[int]()
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record: JsonValue = json.loads(line)
        except (ValueError, RecursionError):
            broken.append(number)
            continue
        records += 1
        with builder.page(number):
            _add(builder, record)
    if len(broken) > records:
        raise unreadable(f"{len(broken):,} of its lines are no JSON, line {broken[0]:,} is the first.")
    return finished(
        builder,
        media_type=JSON_LINES,
        what="The file of JSON lines",
        name=claims.name,
        stated_title=claims.name.rpartition("/")[2].rpartition(".")[0],
        metadata={"encoding": decoded.encoding, "records": records},
        warnings=[f"line {number} is no JSON" for number in broken],
    )


def _add(builder: TextBuilder, record: JsonValue) -> None:
    fields = list(_fields(record, "", 0))
    title = next((field for wanted in _TITLES for field in fields if field[0].casefold() == wanted), None)
    heading = clean_line(title[1]) if title else ""
    if title is not None and heading and len(heading) <= _MAX_HEADING_CHARS:
        builder.add_heading(heading, level=1)
        fields.remove(title)
    others: list[str] = []
    for name, value in fields:
        if name.casefold() in _TEXTS:
            text = clean_prose(value)
            if text.strip():
                builder.add(text)
        else:
            others.append(f"{clean_line(name)}: {clean_line(value)}")
    if others:
        builder.add("\n".join(others))


def _fields(value: JsonValue, name: str, depth: int) -> Iterator[tuple[str, str]]:
    """Yield names and values, nested ones as ``outer.inner``; empty ones are left out."""
    if isinstance(value, dict) and depth < _MAX_DEPTH:
        for count, (key, inner) in enumerate(value.items()):
            if count >= _MAX_FIELDS:
                return
            yield from _fields(inner, f"{name}.{key}" if name else key, depth + 1)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value) and depth < _MAX_DEPTH:
        for item in value[:_MAX_FIELDS]:
            yield from _fields(item, name, depth + 1)
    else:
        words = _words(value)
        if words.strip():
            yield name or "value", words


def _words(value: JsonValue) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(_words(item) for item in cast("list[JsonValue]", value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
