"""What is wrong with a request's fields, in sentences: pydantic speaks of types, people want to know what to change.

Where a field may be one of several kinds (a text or a list of texts), pydantic tells what is wrong with each of them,
and puts its own names of the kinds among those of the fields. Only names and places that are in what was sent are told
on, and of the kinds the one that was meant.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

_MAX_READ = 200
_MAX_NAMED = 20
_MAX_IN_DETAIL = 3
_SUBJECTS = {"body": "The field", "query": "The parameter", "header": "The header", "path": "The part of the path"}
_COLLECTION_NAME = (
    "must be a collection's name: 2 to 48 lower-case letters, digits and underscores, a letter at the beginning"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wrong:
    """One error at a field; ``is_other_kind`` where the field is of another kind than this one of several."""

    path: tuple[str | int, ...]
    said: str
    is_other_kind: bool


def wrong_fields(found: Sequence[Mapping[str, Any]], sent: object = None) -> list[dict[str, str]]:
    """Return each wrong field once with what is wrong with it, such as ``body.query`` and ``must not be empty``.

    ``sent`` is the body that was read, in which the names of fields are told from those of kinds.
    """
    every = [_wrong(each, sent) for each in found[:_MAX_READ]]
    said: dict[tuple[str | int, ...], list[str]] = {}
    for each in every:
        if not (each.is_other_kind and any(_is_meant(other, each.path) for other in every)):
            said.setdefault(each.path, []).append(each.said)
    return [
        {"field": ".".join(str(step) for step in path)[:200], "message": _either(messages)[:500]}
        for path, messages in list(said.items())[:_MAX_NAMED]
    ]


def sentences(fields: Sequence[Mapping[str, str]]) -> str:
    """Return the first wrong fields as sentences, each with the field as its subject."""
    said = " ".join(f"{_subject(each['field'])} {each['message']}." for each in fields[:_MAX_IN_DETAIL])
    return said or "The request is not valid."


def _subject(field: str) -> str:
    place, _, name = field.partition(".")
    return f"{_SUBJECTS.get(place, 'The field')} '{name}'" if name and not name.isdigit() else "The body"


def _wrong(error: Mapping[str, Any], sent: object) -> _Wrong:
    steps: Sequence[str | int] = error["loc"]
    path = _path(steps, sent, is_missing=error["type"] == "missing")
    of_a_kind = error["type"].endswith("_type") and len(path) < len(steps) and steps[-1] != path[-1]
    return _Wrong(path=path, said=_said(error, path), is_other_kind=of_a_kind)


def _path(steps: Sequence[str | int], sent: object, *, is_missing: bool) -> tuple[str | int, ...]:
    """Return those steps that are names and places in what was sent."""
    place, *inner = steps
    if place != "body":
        return tuple(steps[:2])
    path, at = [place], sent
    for number, step in enumerate(inner, start=1):
        if isinstance(at, Mapping) and step in at:
            path.append(step)
            at = cast("Mapping[str | int, object]", at)[step]
        elif isinstance(at, list) and isinstance(step, int):
            path.append(step)
            at = cast("list[object]", at)[step]
        elif is_missing and number == len(inner):
            path.append(step)
    return tuple(path)


def _is_meant(other: _Wrong, path: tuple[str | int, ...]) -> bool:
    """Say whether an error is of the kind that the field at ``path`` is of."""
    return other.path[: len(path)] == path and not (other.path == path and other.is_other_kind)


def _either(messages: Sequence[str]) -> str:
    first, *others = dict.fromkeys(messages)
    return " or ".join([first, *(each.removeprefix("must be ") for each in others)])


def _said(error: Mapping[str, Any], path: Sequence[str | int]) -> str:
    """Return what is wrong, so that the field's name before it makes a sentence."""
    kind = error["type"]
    context: Mapping[str, Any] = error.get("ctx") or {}
    is_text = isinstance(error.get("input"), str)
    if kind in {"string_too_short", "too_short"} and is_text and context.get("min_length") == 1:
        return "must not be empty"
    if kind == "string_pattern_mismatch":
        is_name = path[-1] == "collection"
        return _COLLECTION_NAME if is_name else f"must have the form {context.get('pattern', '')}".rstrip()
    if kind == "json_invalid":
        return f"is not JSON ({context.get('error', 'it cannot be read')})"
    if kind in {"too_short", "too_long"}:
        return _how_many(context, "character" if is_text else "item")
    if kind in _FIXED:
        return _FIXED[kind]
    said = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    return re.sub(r"^(Input|String|List|Tuple|Set|Dictionary|Value|URL|UUID)( \w+)? should ", "must ", said)


_NOT_HERE = "is not supported here: leave it out"
_FIXED = {
    "missing": "is missing",
    "extra_forbidden": "is not known",
    "none_required": _NOT_HERE,
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}


def _how_many(context: Mapping[str, Any], unit: str) -> str:
    if context.get("max_length") == 0:
        return _NOT_HERE
    bound, count = ("most", context["max_length"]) if "max_length" in context else ("least", context["min_length"])
    return f"must have at {bound} {count} {unit}{'' if count == 1 else 's'}"
