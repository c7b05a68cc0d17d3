"""YAML front matter: the lines between ``---`` and ``---`` at the very top of a text."""

import re
from collections.abc import Mapping
from typing import cast

import yaml

from rag_core.parsed import JsonValue
from resources.clients.parsing.json_values import plain_mapping
from resources.clients.parsing.rejections import bad_metadata

_MAX_CHARS = 64 * 1024
_OPENING = re.compile(r"---[ \t]*\r?\n")
_CLOSING = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
_KEY_LINE = re.compile(r"^[\w.-]+[ \t]*:(?:\s|$)", re.MULTILINE)


def split_front_matter(text: str, *, required_mapping: bool) -> tuple[dict[str, JsonValue], str]:
    """Return the front matter as plain JSON and the text below it; no front matter gives ``{}`` and the whole text.

    Front matter can say who may read a document, so what cannot be understood is rejected (bad metadata), never
    dropped: broken YAML, and anything but a mapping. Without ``required_mapping`` (plain text, where a line of
    dashes may just be a line) this holds only if one of its lines looks like ``key: value``.
    """
    opening = _OPENING.match(text)
    if opening is None:
        return {}, text
    closing = _CLOSING.search(text, opening.end(), opening.end() + _MAX_CHARS)
    if closing is None:
        if _KEY_LINE.match(text, opening.end()):
            raise bad_metadata(f"Its front matter is not closed by a line `---` within {_MAX_CHARS:,} characters.")
        return {}, text
    source = text[opening.end() : closing.start()]
    if not required_mapping and not _KEY_LINE.search(source):
        return {}, text
    return _metadata(source), text[closing.end() :]


def _metadata(source: str) -> dict[str, JsonValue]:
    try:
        values: object = yaml.safe_load(source)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        raise bad_metadata(f"Its front matter is not valid YAML (line {line}: {error.problem}).") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date like 2024-13-45
        raise bad_metadata(f"Its front matter is not valid YAML ({type(error).__name__}).") from error
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise bad_metadata(f"Its front matter is a {type(values).__name__}, not a mapping of names to values.")
    try:
        return plain_mapping(cast("Mapping[object, object]", values))
    except ValueError as error:
        raise bad_metadata(f"Its front matter is too large: {error}.") from error
