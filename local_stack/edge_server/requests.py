"""One call as an operation sees it, and the reading of its body within limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from starlette.requests import Request

from local_stack.edge_server.json_fields import JsonObject, as_object
from local_stack.edge_server.limits import MAX_BODY_BYTES
from local_stack.edge_server.refusals import Malformed, NotServed, TooLarge
from local_stack.edge_server.served import ServedCollection
from local_stack.edge_server.store import Store

_QUERY_PARAMETERS = frozenset({"wait", "ordering", "timeout", "consistency"})
"""All of them ask for less than every answer here gives: applied, in order, at once, by the one node there is."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """The store, the path's parts and the body of one request."""

    store: Store
    path: Mapping[str, str]
    content: bytes

    @cached_property
    def body(self) -> JsonObject:
        """The JSON object that was sent; without a shard key, which means nothing on one machine."""
        try:
            body = as_object(orjson.loads(self.content), "the body")
        except orjson.JSONDecodeError as error:
            raise Malformed(f"Format error in JSON body: {error}") from error
        if body.pop("shard_key", None) is not None:
            raise NotServed("shard_key")
        return body

    @property
    def name(self) -> str:
        """The collection's name in the path, which may be an alias."""
        return self.path["collection_name"]

    @property
    def collection(self) -> ServedCollection:
        """The collection that the path names; raises ``NotFound``."""
        return self.store.find(self.name)


async def read_call(request: Request, store: Store) -> Call:
    """Read a request whole; raises ``TooLarge`` before it is read if it says how long it is.

    A body must be sent as JSON: that keeps web pages of other origins, which may send plain forms to loopback addresses
    but no JSON without asking, from writing here.
    """
    unknown: set[Any] = set(request.query_params) - _QUERY_PARAMETERS
    if unknown:
        raise NotServed(f"query parameter {sorted(unknown)[0][:64]}")
    length = request.headers.get("content-length", "0")
    if length.isascii() and length.isdigit() and int(length) > MAX_BODY_BYTES:
        raise _too_large()
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise _too_large()
        chunks.append(chunk)
    content = b"".join(chunks)
    if content and request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Malformed("Content type error: a body must be sent as application/json")
    return Call(store=store, path=request.path_params, content=content)


def _too_large() -> TooLarge:
    return TooLarge(f"JSON payload is larger than allowed (limit: {MAX_BODY_BYTES} bytes)")
