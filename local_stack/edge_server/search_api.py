"""Searching: query, scroll, count, facet."""

import qdrant_edge as edge

from local_stack.edge_server.json_fields import JsonObject, as_list, as_object, only, required
from local_stack.edge_server.limits import MAX_BATCH, at_most
from local_stack.edge_server.points import shown_point
from local_stack.edge_server.queries import count_from, facet_from, query_from, scroll_from
from local_stack.edge_server.refusals import Malformed, NotServed, asking_engine, reading_request
from local_stack.edge_server.requests import Call


async def query(call: Call) -> JsonObject:
    """Answer one query."""
    collection = call.collection
    with reading_request():
        request = query_from(call.body, collection.schema, collection.stored_vector)
    with asking_engine():
        return {"points": [shown_point(point) for point in collection.shard.query(request)]}


async def query_batch(call: Call) -> list[JsonObject]:
    """Answer several queries, which the engine plans together."""
    collection = call.collection
    only(call.body, frozenset({"searches"}), "query batch points")
    searches = as_list(required(call.body, "searches", "query batch points"), "searches")
    at_most(len(searches), MAX_BATCH, "queries")
    requests: list[edge.QueryRequest] = []
    with reading_request():
        for each in searches:
            search = as_object(each, "a query")
            if search.pop("shard_key", None) is not None:
                raise NotServed("shard_key")
            requests.append(query_from(search, collection.schema, collection.stored_vector))
    if not requests:
        return []
    with asking_engine():
        answers = collection.shard.query_batch(edge.QueryBatchRequest(requests))
        return [{"points": [shown_point(point) for point in answer]} for answer in answers]


async def scroll(call: Call) -> JsonObject:
    """Return a page of points in the order of their ids or of a payload field."""
    collection = call.collection
    with reading_request():
        request = scroll_from(call.body)
    with asking_engine():
        points, following = collection.shard.scroll(request)
        return {"points": [shown_point(point) for point in points], "next_page_offset": following}


async def count(call: Call) -> JsonObject:
    """Return how many points match."""
    collection = call.collection
    with reading_request():
        request = count_from(call.body)
    with asking_engine():
        return {"count": collection.shard.count(request)}


async def facet(call: Call) -> JsonObject:
    """Return the most frequent values of an indexed payload field."""
    collection = call.collection
    with reading_request():
        request = facet_from(call.body)
    if not request.key:
        raise Malformed("Wrong input: a facet needs a key")
    with asking_engine():
        return {"hits": [{"value": hit.value, "count": hit.count} for hit in collection.shard.facet(request).hits]}
