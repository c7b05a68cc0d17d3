"""The table of Qdrant's operations: what is served by whom, and the names of what is not."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from local_stack.edge_server import collections_api, points_api, search_api
from local_stack.edge_server.requests import Call

Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One row: an operation's method, path and name; without a handler it is answered 501 with that name."""

    method: str
    path: str
    name: str
    handler: Handler | None = None


_COLLECTION = "/collections/{collection_name}"
_POINTS = f"{_COLLECTION}/points"
_SHARD_SNAPSHOTS = f"{_COLLECTION}/shards/{{shard_id}}/snapshots"

# Most frequent first: they are tried in this order.
SERVED = (
    Operation("POST", f"{_POINTS}/query/batch", "query batch points", search_api.query_batch),
    Operation("PUT", _POINTS, "upsert points", points_api.changes_points("upsert")),
    Operation("POST", f"{_POINTS}/scroll", "scroll points", search_api.scroll),
    Operation("POST", f"{_POINTS}/query", "query points", search_api.query),
    Operation("POST", f"{_POINTS}/count", "count points", search_api.count),
    Operation("POST", f"{_POINTS}/delete", "delete points", points_api.changes_points("delete")),
    Operation("POST", f"{_POINTS}/batch", "batch update", points_api.batch_update),
    Operation("POST", f"{_POINTS}/payload", "set payload", points_api.changes_points("set_payload")),
    Operation("PUT", f"{_POINTS}/payload", "overwrite payload", points_api.changes_points("overwrite_payload")),
    Operation("POST", f"{_POINTS}/payload/delete", "delete payload", points_api.changes_points("delete_payload")),
    Operation("POST", f"{_POINTS}/payload/clear", "clear payload", points_api.changes_points("clear_payload")),
    Operation("PUT", f"{_POINTS}/vectors", "update vectors", points_api.changes_points("update_vectors")),
    Operation("POST", f"{_POINTS}/vectors/delete", "delete vectors", points_api.changes_points("delete_vectors")),
    Operation("POST", _POINTS, "get points", points_api.get_points),
    Operation("POST", f"{_COLLECTION}/facet", "facet", search_api.facet),
    Operation("GET", "/aliases", "list aliases", collections_api.list_aliases),
    Operation("GET", "/collections", "list collections", collections_api.list_collections),
    Operation("POST", "/collections/aliases", "update aliases", collections_api.update_aliases),
    Operation("GET", f"{_COLLECTION}/exists", "collection exists", collections_api.collection_exists),
    Operation("GET", f"{_COLLECTION}/aliases", "list collection aliases", collections_api.list_collection_aliases),
    Operation("PUT", f"{_COLLECTION}/index", "create field index", collections_api.create_field_index),
    Operation(
        "DELETE", f"{_COLLECTION}/index/{{field_name}}", "delete field index", collections_api.delete_field_index
    ),
    Operation("GET", _COLLECTION, "get collection", collections_api.get_collection),
    Operation("PUT", _COLLECTION, "create collection", collections_api.create_collection),
    Operation("PATCH", _COLLECTION, "update collection", collections_api.update_collection),
    Operation("DELETE", _COLLECTION, "delete collection", collections_api.delete_collection),
    Operation("GET", f"{_POINTS}/{{id}}", "get point", points_api.get_point),
)

NOT_SERVED = (
    Operation("POST", f"{_POINTS}/query/groups", "query points groups"),
    Operation("POST", f"{_POINTS}/search/matrix/pairs", "search matrix pairs"),
    Operation("POST", f"{_POINTS}/search/matrix/offsets", "search matrix offsets"),
    Operation("POST", f"{_POINTS}/search", "search points"),
    Operation("POST", f"{_POINTS}/search/batch", "search batch points"),
    Operation("POST", f"{_POINTS}/search/groups", "search point groups"),
    Operation("POST", f"{_POINTS}/recommend", "recommend points"),
    Operation("POST", f"{_POINTS}/discover", "discover points"),
    Operation("PUT", f"{_COLLECTION}/vectors/{{vector_name}}", "create vector"),
    Operation("DELETE", f"{_COLLECTION}/vectors/{{vector_name}}", "delete vector"),
    Operation("GET", f"{_COLLECTION}/optimizations", "get optimizations"),
    Operation("GET", f"{_COLLECTION}/cluster", "collection cluster info"),
    Operation("POST", f"{_COLLECTION}/cluster", "update collection cluster"),
    Operation("GET", f"{_COLLECTION}/shards", "list shard keys"),
    Operation("PUT", f"{_COLLECTION}/shards", "create shard key"),
    Operation("POST", f"{_COLLECTION}/shards/delete", "delete shard key"),
    Operation("GET", f"{_COLLECTION}/snapshots", "list snapshots"),
    Operation("POST", f"{_COLLECTION}/snapshots", "create snapshot"),
    Operation("POST", f"{_COLLECTION}/snapshots/upload", "recover from uploaded snapshot"),
    Operation("PUT", f"{_COLLECTION}/snapshots/recover", "recover from snapshot"),
    Operation("GET", f"{_COLLECTION}/snapshots/{{snapshot_name}}", "get snapshot"),
    Operation("DELETE", f"{_COLLECTION}/snapshots/{{snapshot_name}}", "delete snapshot"),
    Operation("GET", _SHARD_SNAPSHOTS, "list shard snapshots"),
    Operation("POST", _SHARD_SNAPSHOTS, "create shard snapshot"),
    Operation("GET", "/snapshots", "list full snapshots"),
    Operation("POST", "/snapshots", "create full snapshot"),
    Operation("GET", "/cluster", "cluster status"),
    Operation("GET", "/cluster/telemetry", "cluster telemetry"),
    Operation("POST", "/cluster/recover", "recover current peer"),
    Operation("DELETE", "/cluster/peer/{peer_id}", "remove peer"),
    Operation("GET", "/telemetry", "telemetry"),
    Operation("GET", "/metrics", "metrics"),
    Operation("GET", "/issues", "get issues"),
    Operation("DELETE", "/issues", "clear issues"),
    Operation("GET", "/quotas", "get quotas"),
    Operation("PUT", "/quotas", "update quotas"),
)
