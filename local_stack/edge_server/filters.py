"""Qdrant's filters: JSON to the engine's ``Filter``."""

from typing import Any

import numpy
import qdrant_edge as edge

from local_stack.edge_server.json_fields import JsonObject, as_list, as_object, one_or_many, only, required, text
from local_stack.edge_server.limits import MAX_DEPTH
from local_stack.edge_server.refusals import Malformed, NotServed

_CLAUSES = frozenset({"must", "should", "must_not", "min_should"})
_FIELD = frozenset(
    {
        "key", "match", "range", "geo_bounding_box", "geo_radius", "geo_polygon", "values_count", "is_empty", "is_null"
    }
)  # fmt: skip
_BOUNDS = frozenset({"gt", "gte", "lt", "lte"})


def filter_from(raw: Any, *, depth: int = 0) -> edge.Filter | None:
    """Return the engine's filter, None for none."""
    if raw is None:
        return None
    if depth > MAX_DEPTH:
        raise Malformed(f"Wrong input: filters may be nested {MAX_DEPTH} deep")
    raw = as_object(raw, "a filter")
    only(raw, _CLAUSES, "filter")
    least = raw.get("min_should")
    return edge.Filter(
        must=_conditions(raw.get("must"), depth),
        should=_conditions(raw.get("should"), depth),
        must_not=_conditions(raw.get("must_not"), depth),
        min_should=None
        if least is None
        else edge.MinShould(
            _conditions(required(least, "conditions", "min_should"), depth) or [],
            required(least, "min_count", "min_should"),
        ),
    )


def excluding(within: edge.Filter | None, ids: set[Any]) -> edge.Filter | None:
    """Return ``within`` without the points ``ids``."""
    if not ids:
        return within
    return edge.Filter(must=None if within is None else [within], must_not=[edge.HasIdCondition(ids)])


def _conditions(raw: Any, depth: int) -> list[Any] | None:
    return None if raw is None else [_condition(each, depth) for each in one_or_many(raw)]


def _condition(raw: Any, depth: int) -> Any:
    raw = as_object(raw, "a condition")
    if "key" in raw:
        return _field(raw)
    if "has_id" in raw:
        return edge.HasIdCondition(set(as_list(raw["has_id"], "has_id")))
    if "is_empty" in raw:
        return edge.IsEmptyCondition(text(as_object(raw["is_empty"], "is_empty"), "key", "is_empty"))
    if "is_null" in raw:
        return edge.IsNullCondition(text(as_object(raw["is_null"], "is_null"), "key", "is_null"))
    if "has_vector" in raw:
        return edge.HasVectorCondition(text(raw, "has_vector", "has_vector"))
    if "nested" in raw:
        nested = as_object(raw["nested"], "nested")
        inner = filter_from(required(nested, "filter", "nested"), depth=depth + 1)
        return edge.NestedCondition(text(nested, "key", "nested"), inner or edge.Filter())
    if raw.keys() <= _CLAUSES:
        return filter_from(raw, depth=depth + 1)
    raise NotServed(f"filter condition: {', '.join(sorted(raw))[:64]}")


def _field(raw: JsonObject) -> edge.FieldCondition:
    only(raw, _FIELD, "filter condition")
    return edge.FieldCondition(
        text(raw, "key", "a condition"),
        match=_match(raw.get("match")),
        range=_range(raw.get("range")),
        geo_bounding_box=_geo_box(raw.get("geo_bounding_box")),
        geo_radius=_geo_radius(raw.get("geo_radius")),
        geo_polygon=_geo_polygon(raw.get("geo_polygon")),
        values_count=None if raw.get("values_count") is None else edge.ValuesCount(**_bounds(raw["values_count"])),
        is_empty=raw.get("is_empty"),
        is_null=raw.get("is_null"),
    )


def _match(raw: Any) -> Any:
    if raw is None:
        return None
    for key, given in as_object(raw, "match").items():
        if key == "value":
            return edge.MatchValue(_engine_bool(given) if isinstance(given, bool) else given)
        if key in ("any", "except"):
            if any(isinstance(value, bool) for value in as_list(given, f"match {key}")):
                raise Malformed(f"Format error in JSON body: match {key} takes strings or whole numbers")
            return edge.MatchAny(given) if key == "any" else edge.MatchExcept(given)
        if key in _TEXT_MATCHES:
            return _TEXT_MATCHES[key](given)
        raise NotServed(f"filter match: {key[:64]}")
    raise Malformed("Format error in JSON body: an empty match")


_TEXT_MATCHES = {
    "text": edge.MatchText,
    "text_any": edge.MatchTextAny,
    "phrase": edge.MatchPhrase,
    "prefix": edge.MatchPrefix,
    "substring": edge.MatchSubstring,
}


def _engine_bool(given: bool) -> Any:  # noqa: FBT001 - the value itself
    """Return a boolean that the engine's binding takes for one.

    It tries whole numbers first, which Python's ``bool`` is, and ``MatchValue(True)`` would match 1 and no boolean;
    numpy's is not.
    """
    return numpy.bool_(given)


def _range(raw: Any) -> Any:
    if raw is None:
        return None
    bounds = _bounds(raw)
    if any(isinstance(bound, str) for bound in bounds.values()):
        return edge.RangeDateTime(**bounds)
    return edge.RangeFloat(**bounds)


def _bounds(raw: Any) -> JsonObject:
    raw = as_object(raw, "range")
    only(raw, _BOUNDS, "filter range")
    return raw


def _geo_point(raw: JsonObject) -> edge.GeoPoint:
    return edge.GeoPoint(required(raw, "lon", "a geo point"), required(raw, "lat", "a geo point"))


def _geo_box(raw: Any) -> edge.GeoBoundingBox | None:
    if raw is None:
        return None
    corners = [_geo_point(required(raw, corner, "geo_bounding_box")) for corner in ("top_left", "bottom_right")]
    return edge.GeoBoundingBox(*corners)


def _geo_radius(raw: Any) -> edge.GeoRadius | None:
    if raw is None:
        return None
    return edge.GeoRadius(_geo_point(required(raw, "center", "geo_radius")), required(raw, "radius", "geo_radius"))


def _geo_polygon(raw: Any) -> edge.GeoPolygon | None:
    if raw is None:
        return None
    exterior = required(raw, "exterior", "geo_polygon")
    rings = [[_geo_point(point) for point in ring["points"]] for ring in (exterior, *(raw.get("interiors") or ()))]
    return edge.GeoPolygon(rings[0], rings[1:] or None)
