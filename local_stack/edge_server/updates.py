"""Changes of points: the JSON bodies of Qdrant's update operations to the engine's operations.

A body is turned whole before anything of it is applied, so a batch with a malformed operation changes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import qdrant_edge as edge

from local_stack.edge_server.configuration import VectorSchema
from local_stack.edge_server.filters import filter_from
from local_stack.edge_server.json_fields import JsonObject, as_list, as_object, only, required, text
from local_stack.edge_server.limits import MAX_BATCH, MAX_POINTS, at_most
from local_stack.edge_server.points import check_names, check_payload, points_from, vectors_of_points
from local_stack.edge_server.refusals import Malformed, NotServed, reading_request

Operation = edge.UpdateOperation
_MODES = {
    "upsert": edge.UpdateMode.Upsert,
    "insert_only": edge.UpdateMode.InsertOnly,
    "update_only": edge.UpdateMode.UpdateOnly,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One operation and about how many points it touches; a filter counts as one."""

    operation: edge.UpdateOperation
    points: int


def upsert(body: JsonObject, schema: VectorSchema) -> Update | None:
    """Put whole points; None when there are none."""
    only(body, frozenset({"points", "batch", "update_filter", "update_mode"}), "upsert points")
    points = points_from(body, schema)
    mode = body.get("update_mode")
    if mode is not None and mode not in _MODES:
        raise Malformed(f"Wrong input: unknown update_mode {str(mode)[:64]!r}")
    condition = filter_from(body.get("update_filter"))
    if not points:
        return None
    if condition is None and mode is None:
        return Update(operation=Operation.upsert_points(points), points=len(points))
    operation = Operation.upsert_points(points, condition, None if mode is None else _MODES[mode])
    return Update(operation=operation, points=len(points))


def delete(body: JsonObject, schema: VectorSchema) -> Update | None:  # noqa: ARG001 - the shape of every operation
    """Delete points by id or by filter."""
    only(body, frozenset({"points", "filter"}), "delete points")
    return _selected(body, Operation.delete_points, Operation.delete_points_by_filter)


def set_payload(body: JsonObject, schema: VectorSchema) -> Update | None:  # noqa: ARG001
    """Set keys of the payload; the others stay."""
    only(body, frozenset({"payload", "points", "filter", "key"}), "set payload")
    rest = (_payload(body), body.get("key"))
    return _selected(body, Operation.set_payload, Operation.set_payload_by_filter, *rest)


def overwrite_payload(body: JsonObject, schema: VectorSchema) -> Update | None:  # noqa: ARG001
    """Replace the payload."""
    only(body, frozenset({"payload", "points", "filter", "key"}), "overwrite payload")
    if body.get("key") is not None:
        raise NotServed("overwrite payload: key")
    return _selected(body, Operation.overwrite_payload, Operation.overwrite_payload_by_filter, _payload(body))


def delete_payload(body: JsonObject, schema: VectorSchema) -> Update | None:  # noqa: ARG001
    """Delete keys of the payload."""
    only(body, frozenset({"keys", "points", "filter"}), "delete payload")
    keys = as_list(required(body, "keys", "delete payload"), "keys")
    return _selected(body, Operation.delete_payload, Operation.delete_payload_by_filter, keys)


def clear_payload(body: JsonObject, schema: VectorSchema) -> Update | None:  # noqa: ARG001
    """Empty the payload."""
    only(body, frozenset({"points", "filter"}), "clear payload")
    return _selected(body, Operation.clear_payload, Operation.clear_payload_by_filter)


def update_vectors(body: JsonObject, schema: VectorSchema) -> Update | None:
    """Replace vectors of points that are there."""
    only(body, frozenset({"points", "update_filter"}), "update vectors")
    points = vectors_of_points(required(body, "points", "update vectors"), schema)
    operation = Operation.update_vectors(points, filter_from(body.get("update_filter")))
    return Update(operation=operation, points=len(points)) if points else None


def delete_vectors(body: JsonObject, schema: VectorSchema) -> Update | None:
    """Take vectors away from points."""
    only(body, frozenset({"points", "filter", "vector"}), "delete vectors")
    names = check_names(as_list(required(body, "vector", "delete vectors"), "vector"), schema)
    return _selected(body, Operation.delete_vectors, Operation.delete_vectors_by_filter, names)


Reader = Callable[[JsonObject, VectorSchema], Update | None]
READERS: Mapping[str, Reader] = {
    "upsert": upsert,
    "delete": delete,
    "set_payload": set_payload,
    "overwrite_payload": overwrite_payload,
    "delete_payload": delete_payload,
    "clear_payload": clear_payload,
    "update_vectors": update_vectors,
    "delete_vectors": delete_vectors,
}


def update_from(name: str, body: Any, schema: VectorSchema) -> Update | None:
    """Return the update that ``body`` asks for, None when it touches no point."""
    if name not in READERS:
        raise NotServed(f"batch update: {name[:64]}")
    with reading_request():
        return READERS[name](as_object(body, name), schema)


def batch_from(body: JsonObject, schema: VectorSchema) -> list[Update | None]:
    """Return the updates of a batch in their order."""
    only(body, frozenset({"operations"}), "batch update")
    operations = as_list(required(body, "operations", "batch update"), "operations")
    at_most(len(operations), MAX_BATCH, "operations")
    updates: list[Update | None] = []
    for each in operations:
        named = as_object(each, "an operation")
        if len(named) != 1:
            raise Malformed("Format error in JSON body: an operation has one key, its name")
        name, inner = next(iter(named.items()))
        updates.append(update_from(name, inner, schema))
    return updates


def _payload(body: JsonObject) -> JsonObject:
    payload = as_object(required(body, "payload", "payload"), "payload")
    key = body.get("key")
    check_payload(payload, under=0 if key is None else text(body, "key", "payload").count(".") + 1)
    return payload


def _selected(
    body: JsonObject, by_ids: Callable[..., Operation], by_filter: Callable[..., Operation], *rest: Any
) -> Update | None:
    """Return the operation on the points that ``points`` or ``filter`` names; both at once are refused."""
    ids, raw_filter = body.get("points"), body.get("filter")
    if (ids is None) == (raw_filter is None):
        raise Malformed("Format error in JSON body: give either `points` or `filter`")
    if ids is None:
        return Update(operation=by_filter(filter_from(raw_filter), *rest), points=1)
    at_most(len(as_list(ids, "points")), MAX_POINTS, "points")
    return Update(operation=by_ids(ids, *rest), points=len(ids)) if ids else None
