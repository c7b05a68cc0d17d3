"""Points: JSON to the engine's values, checked here, and the engine's answers back to JSON.

The checks are not politeness. The engine writes an update into its log before it looks at it, and what it then refuses
half-way (a vector of the wrong length, an unknown vector name) comes back in part when the log is replayed after a
crash. So nothing may reach it that it would refuse.
"""

from collections.abc import Iterable
from typing import Any

import qdrant_edge as edge

from local_stack.edge_server.configuration import VectorSchema
from local_stack.edge_server.json_fields import JsonObject, as_list, as_object, only, required
from local_stack.edge_server.limits import MAX_PAYLOAD_DEPTH, MAX_POINTS, at_most
from local_stack.edge_server.refusals import Malformed, NotServed

_POINT = frozenset({"id", "vector", "payload"})
_SPARSE = frozenset({"indices", "values"})


def points_from(body: JsonObject, schema: VectorSchema) -> list[edge.Point]:
    """Return the points of an upsert, given as a list or column by column."""
    rows = _rows(body)
    for row in rows:
        check_payload(row.get("payload"))
    return [edge.Point(row["id"], vectors_from(row.get("vector"), schema), row.get("payload")) for row in rows]


def check_payload(payload: Any, *, under: int = 0) -> None:
    """Raise for a payload nested too deep, ``under`` levels of key included.

    The engine stores more than 128 levels but cannot read them again: it then fails every page with such a point.
    """
    if payload is not None and _is_deeper(as_object(payload, "payload"), MAX_PAYLOAD_DEPTH - under):
        raise Malformed(f"Wrong input: a payload may be nested {MAX_PAYLOAD_DEPTH} deep")


def _is_deeper(value: Any, levels: int) -> bool:
    if levels <= 0:
        return True
    inner = value.values() if isinstance(value, dict) else value
    return any(isinstance(each, dict | list) and _is_deeper(each, levels - 1) for each in inner)


def vectors_of_points(raw: Any, schema: VectorSchema) -> list[edge.PointVectors]:
    """Return the points of ``update vectors``."""
    rows = as_list(raw, "points")
    at_most(len(rows), MAX_POINTS, "points")
    return [
        edge.PointVectors(_id_of(as_object(each, "a point")), vectors_from(required(each, "vector", "a point"), schema))
        for each in rows
    ]


def vectors_from(raw: Any, schema: VectorSchema) -> Any:
    """Return a point's vectors for the engine: one list for the default vector, else by name."""
    if isinstance(raw, list):
        return {"": vector_from(raw, "", schema)}
    if raw is None:
        raise Malformed("Format error in JSON body: a point: missing field `vector`")
    return {name: vector_from(vector, name, schema) for name, vector in as_object(raw, "vector").items()}


def vector_from(raw: Any, name: str, schema: VectorSchema) -> Any:
    """Return one vector for the engine; raises ``Malformed`` for an unknown name or another shape."""
    dimension = schema.dimensions.get(name)
    if dimension is not None:
        if isinstance(raw, dict):
            raise _no_dense(raw)
        rows = as_list(raw, "a vector")
        if name not in schema.multi:
            _check_dimension(rows, dimension)
        elif not rows:
            raise Malformed("Wrong input: a multivector must not be empty")
        else:
            for row in rows if isinstance(rows[0], list) else [rows]:
                _check_dimension(as_list(row, "a vector"), dimension)
        return rows
    if name in schema.sparse:
        return _sparse(raw)
    raise Malformed(f"Wrong input: Not existing vector name error: {name[:64]}")


def check_names(names: Iterable[str], schema: VectorSchema) -> list[str]:
    """Return vector names that all exist."""
    names = list(names)
    for name in names:
        if not isinstance(name, str) or (name not in schema.dimensions and name not in schema.sparse):
            raise Malformed(f"Wrong input: Not existing vector name error: {str(name)[:64]}")
    return names


def shown_point(point: Any) -> JsonObject:
    """Return a record or a scored point as JSON; what was not asked for is left out."""
    shown: JsonObject = {"id": point.id}
    if isinstance(point, edge.ScoredPoint):
        shown["version"] = point.version
        shown["score"] = point.score
    payload = point.payload
    if payload is not None:
        shown["payload"] = payload
    vector = point.vector
    if vector is not None:
        shown["vector"] = vector
    if point.order_value is not None:
        shown["order_value"] = point.order_value
    return shown


def jsonable(value: Any) -> Any:
    """Return the JSON of a value that the encoder does not know."""
    if isinstance(value, edge.SparseVector):
        return {"indices": value.indices, "values": value.values}
    raise TypeError(f"no JSON for {type(value).__name__}")


def _rows(body: JsonObject) -> list[JsonObject]:
    if body.get("batch") is None:
        rows = as_list(required(body, "points", "upsert"), "points")
        at_most(len(rows), MAX_POINTS, "points")
        for row in rows:
            _id_of(as_object(row, "a point"))
            only(row, _POINT, "point")
        return rows
    batch = as_object(body["batch"], "batch")
    only(batch, frozenset({"ids", "vectors", "payloads"}), "upsert batch")
    ids = as_list(required(batch, "ids", "batch"), "ids")
    at_most(len(ids), MAX_POINTS, "points")
    vectors = _columns(required(batch, "vectors", "batch"), len(ids))
    payloads = as_list(batch.get("payloads") or [None] * len(ids), "payloads")
    if not len(ids) == len(vectors) == len(payloads):
        raise Malformed("Wrong input: ids, vectors and payloads of a batch must be equally long")
    rows = [
        {"id": point_id, "vector": vector, "payload": payload}
        for point_id, vector, payload in zip(ids, vectors, payloads, strict=True)
    ]
    for row in rows:
        _id_of(row)
    return rows


def _columns(raw: Any, count: int) -> list[Any]:
    if isinstance(raw, list):
        return raw
    columns = {name: as_list(column, "vectors") for name, column in as_object(raw, "vectors").items()}
    if any(len(column) != count for column in columns.values()):
        raise Malformed("Wrong input: ids and vectors of a batch must be equally long")
    return [{name: column[row] for name, column in columns.items()} for row in range(count)]


def _id_of(row: JsonObject) -> Any:
    found = required(row, "id", "a point")
    if type(found) is not int and not isinstance(found, str):
        raise Malformed("Format error in JSON body: a point's id is an unsigned integer or a UUID")
    return found


def _check_dimension(vector: list[Any], dimension: int) -> None:
    if len(vector) != dimension:
        raise Malformed(f"Wrong input: Vector dimension error: expected dim: {dimension}, got {len(vector)}")


def _sparse(raw: Any) -> edge.SparseVector:
    if not isinstance(raw, dict):
        raise Malformed("Wrong input: Wrong usage of sparse vectors")
    if not raw.keys() <= _SPARSE:
        raise _no_dense(raw)
    indices, values = required(raw, "indices", "a sparse vector"), required(raw, "values", "a sparse vector")
    if len(indices) != len(values):
        raise Malformed("Wrong input: a sparse vector needs as many values as indices")
    if len(set(indices)) != len(indices):
        raise Malformed("Wrong input: the indices of a sparse vector must be unique")
    return edge.SparseVector(indices, values)


def _no_dense(raw: JsonObject) -> Malformed | NotServed:
    if raw.keys() & {"text", "image", "object"}:
        return NotServed("inference: vectors made from text, images or objects")
    return Malformed("Wrong input: Wrong usage of sparse vectors")
