"""Rights and metadata conditions as SQL over a point's payload; every value travels as a parameter.

Values are compared by JSON paths, which take a list in the payload for each of its values, as Qdrant does. They can be
answered from the inverted index over the payload that ``timescale-vector`` makes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rag_core.access import EVERYONE
from rag_core.filters import AnyOf, Condition, Exists, Scalar, Within
from rag_core.index_spec import Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a point must satisfy to be found; ``groups`` is None for a caller who may see everything.

    Takes the place of ``timescale-vector``'s ``Predicates``, which know neither lists of values nor their absence and
    fail where a field of one point is of another type.
    """

    groups: Sequence[str] | None
    conditions: Sequence[Condition] = ()

    def build_query(self, params: list[Any]) -> tuple[str, list[Any]]:
        """Return the condition with numbered placeholders, and the parameters given with its own behind them."""
        clauses, params = ["TRUE"], list(params)
        if self.groups is not None:
            rights = [json.dumps({Payload.ALLOWED_GROUPS: [group]}) for group in _storable({*self.groups, EVERYONE})]
            clauses.append(f"metadata @> ANY(${len(params) + 1}::jsonb[])")
            params.append(rights)
        for condition in self.conditions:
            clause, values = _clause(condition, len(params) + 1)
            clauses.append(clause)
            params.extend(values)
        return " AND ".join(clauses), params


def _clause(condition: Condition, first: int) -> tuple[str, list[Any]]:
    """Return the SQL of a condition whose placeholders begin at ``first``, and its parameters."""
    match condition:
        case Exists():
            empty = f"coalesce(metadata #> ${first}::text[], 'null') IN ('null', '[]')"
            return (f"NOT ({empty})" if condition.wanted else empty), [[Payload.METADATA, condition.field]]
        case AnyOf():
            clause, values = _any_of(condition, first)
            return (f"({clause}) IS NOT TRUE" if condition.negated else clause), values
        case Within():
            return _within(condition, first)


def _any_of(condition: AnyOf, first: int) -> tuple[str, list[Any]]:
    if condition.type == "datetime":
        return _moment(f"= ANY(${first + 1}::timestamptz[])", first), [
            _path(condition.field),
            list(condition.values),
        ]
    values = [value for value in condition.values if not isinstance(value, str) or _storable([value])]
    if not values:
        return "FALSE", []
    return _matches(condition.field, " || ".join(_compared("==", value) for value in values), first)


def _within(condition: Within, first: int) -> tuple[str, list[Any]]:
    bounds = {sign: bound for name, sign in _SIGNS.items() if (bound := getattr(condition, name)) is not None}
    if not any(isinstance(bound, datetime) for bound in bounds.values()):
        return _matches(condition.field, " && ".join(_compared(sign, bound) for sign, bound in bounds.items()), first)
    signs = [f"{sign} ${place}::timestamptz" for place, sign in enumerate(bounds, start=first + 1)]
    return _moment(" AND rag_vectors.moment(held) ".join(signs), first), [
        _path(condition.field),
        *bounds.values(),
    ]


def _matches(field: str, predicate: str, first: int) -> tuple[str, list[Any]]:
    return f"metadata @? ${first}::jsonpath", [f"{_path(field)} ? ({predicate})"]


def _moment(compared: str, first: int) -> str:
    held = f"jsonb_path_query(metadata, ${first}::jsonpath) AS held"
    return f"EXISTS (SELECT FROM {held} WHERE rag_vectors.moment(held) {compared})"


def _path(field: str) -> str:
    """Return the JSON path of a field's values: those of a list, or the one value."""
    return f"$.{json.dumps(Payload.METADATA)}.{json.dumps(field)}[*]"


def _compared(sign: str, value: Scalar) -> str:
    """Return a comparison with a literal; JSON's spelling of texts and numbers is that of JSON paths, too."""
    return f"@ {sign} {json.dumps(value)}"


def _storable(values: "Sequence[str] | set[str]") -> list[str]:
    """Leave out what PostgreSQL can hold in no text, and what no point can hold therefore."""
    return sorted(value for value in values if "\x00" not in value)


_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
