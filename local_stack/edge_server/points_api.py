"""Writing points and reading them by id."""

from collections.abc import Awaitable, Callable
from typing import Any

from local_stack.edge_server.json_fields import JsonObject, as_list, only, required
from local_stack.edge_server.limits import MAX_POINTS, at_most
from local_stack.edge_server.points import shown_point
from local_stack.edge_server.queries import with_payload_from, with_vector_from
from local_stack.edge_server.refusals import NotFound, asking_engine, reading_request
from local_stack.edge_server.requests import Call
from local_stack.edge_server.updates import batch_from, update_from


def changes_points(name: str) -> Callable[[Call], Awaitable[JsonObject]]:
    """Return the operation that applies one update of that name and answers when it is in the log and visible."""

    async def change(call: Call) -> JsonObject:
        collection = call.collection
        update = update_from(name, call.body, collection.schema)
        async with collection.writing():
            return collection.apply(update, size_bytes=len(call.content))

    return change


async def batch_update(call: Call) -> list[JsonObject]:
    """Apply several updates in their order."""
    collection = call.collection
    with reading_request():
        updates = batch_from(call.body, collection.schema)
    async with collection.writing():
        size_bytes = len(call.content) // max(1, len(updates))
        return [collection.apply(update, size_bytes=size_bytes) for update in updates]


async def get_points(call: Call) -> list[JsonObject]:
    """Return the points of these ids that are there."""
    body, collection = call.body, call.collection
    only(body, frozenset({"ids", "with_payload", "with_vector"}), "retrieve points")
    ids = as_list(required(body, "ids", "retrieve points"), "ids")
    at_most(len(ids), MAX_POINTS, "ids")
    with reading_request():
        with_payload = with_payload_from(body.get("with_payload"), default=True)
        with_vector = with_vector_from(body.get("with_vector"), default=False)
    return _retrieved(collection, ids, with_payload, with_vector)


async def get_point(call: Call) -> JsonObject:
    """Return one point whole."""
    raw = call.path["id"]
    point_id = int(raw) if raw.isascii() and raw.isdigit() else raw
    found = _retrieved(call.collection, [point_id], with_payload=True, with_vector=True)
    if not found:
        raise NotFound(f"Not found: Point with id {raw[:64]} does not exists!")
    return found[0]


def _retrieved(collection: Any, ids: list[Any], with_payload: Any, with_vector: Any) -> list[JsonObject]:
    with asking_engine(), reading_request():
        return [shown_point(point) for point in collection.shard.retrieve(ids, with_payload, with_vector)]
