"""What is wrong with a request's fields, in sentences: pydantic speaks of types, people want to know what to change."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_MAX_NAMED = 20
_MAX_IN_DETAIL = 3
_SUBJECTS = {"body": "The field", "query": "The parameter", "header": "The header", "path": "The part of the path"}
_COLLECTION_NAME = (
    "must be a collection's name: 2 to 48 lower-case letters, digits and underscores, a letter at the beginning"
)


def wrong_fields(found: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return each wrong field with what is wrong with it, such as ``body.query`` and ``must not be empty``."""
    return [
        {"field": ".".join(str(step) for step in each["loc"])[:200], "message": _said(each)[:500]}
        for each in found[:_MAX_NAMED]
    ]


def sentences(fields: Sequence[Mapping[str, str]]) -> str:
    """Return the first wrong fields as sentences, each with the field as its subject."""
    said = " ".join(f"{_subject(each['field'])} {each['message']}." for each in fields[:_MAX_IN_DETAIL])
    return said or "The request is not valid."


def _subject(field: str) -> str:
    place, _, name = field.partition(".")
    return f"{_SUBJECTS.get(place, 'The field')} '{name}'" if name and not name.isdigit() else "The body"


def _said(error: Mapping[str, Any]) -> str:
    """Return what is wrong, so that the field's name before it makes a sentence."""
    kind = error["type"]
    context: Mapping[str, Any] = error.get("ctx") or {}
    if kind == "string_too_short" and context.get("min_length") == 1:
        return "must not be empty"
    if kind == "string_pattern_mismatch":
        is_name = str(error["loc"][-1]) == "collection"
        return _COLLECTION_NAME if is_name else f"must have the form {context.get('pattern', '')}".rstrip()
    if kind == "json_invalid":
        return f"is not JSON ({context.get('error', 'it cannot be read')})"
    fixed = {"missing": "is missing", "extra_forbidden": "is not known"}
    if kind in fixed:
        return fixed[kind]
    said = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    return re.sub(r"^(Input|String|List|Tuple|Set|Dictionary|Value|URL|UUID)( \w+)? should ", "must ", said)
