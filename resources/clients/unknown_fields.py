"""What a field that a declaration does not know was probably meant to be."""

import difflib
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

_NEAR_ENOUGH = 0.6


def unknown_field(model: type[BaseModel], loc: Sequence[str | int]) -> str:
    """Return the sentence about the unknown field at ``loc``: the known name that is nearest, else all known ones."""
    schema = model.model_json_schema()
    written = str(loc[-1])
    known = sorted(_at(schema, schema, loc[:-1]).get("properties", {}))
    near = difflib.get_close_matches(written, known, n=1, cutoff=_NEAR_ENOUGH)
    if near:
        return f"unknown field {written!r}; did you mean {near[0]!r}?"
    return f"unknown field {written!r}" + (f"; there are: {', '.join(known)}" if known else "")


def _at(schema: dict[str, Any], node: dict[str, Any], loc: Sequence[str | int]) -> dict[str, Any]:
    """Return the schema of what lies at ``loc``, or an empty one where the way is not known."""
    node = _resolved(schema, node)
    if not loc:
        return node
    step, rest = loc[0], loc[1:]
    tagged = node.get("discriminator", {}).get("mapping", {})
    if step in tagged:  # pydantic puts the tag of a union into the place
        return _at(schema, {"$ref": tagged[step]}, rest)
    inner = node.get("items") if isinstance(step, int) else node.get("properties", {}).get(step)
    return {} if inner is None else _at(schema, inner, rest)


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Return the schema that a reference, or a union with null, stands for."""
    for choice in node.get("anyOf", ()):
        if "$ref" in choice:
            node = choice
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node
