"""Questions: the JSON of query, scroll, count and facet to the engine's requests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import qdrant_edge as edge

from local_stack.edge_server.configuration import VectorSchema
from local_stack.edge_server.filters import excluding, filter_from
from local_stack.edge_server.json_fields import (
    JsonObject,
    as_list,
    as_object,
    flag,
    number,
    one_or_many,
    only,
    required,
)
from local_stack.edge_server.json_fields import text as string
from local_stack.edge_server.limits import MAX_BATCH, MAX_DEPTH, MAX_HITS, at_most
from local_stack.edge_server.points import vector_from
from local_stack.edge_server.refusals import Malformed, NotServed

DEFAULT_LIMIT = 10
RRF_K = 2
"""Qdrant's constant of reciprocal rank fusion when a query does not give one."""

_PREFETCH = frozenset({"prefetch", "query", "using", "filter", "params", "score_threshold", "limit"})
_QUERY = frozenset({*_PREFETCH, "offset", "with_payload", "with_vector"})
_QUERIES = frozenset(
    {
        "nearest", "mmr", "fusion", "rrf", "order_by", "sample",
        "recommend", "discover", "context", "formula", "relevance_feedback", "text",
    }
)  # fmt: skip
_SERVED_QUERIES = frozenset({"nearest", "mmr", "fusion", "rrf", "order_by", "sample"})

StoredVector = Callable[[Any, str], Any]
"""Returns the vector ``using`` of a point, for queries by point id; raises ``NotFound``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a query or prefetch wants scored: the engine's query and the points that must not come back."""

    query: Any = None
    without: frozenset[Any] = frozenset()


def query_from(body: JsonObject, schema: VectorSchema, stored: StoredVector) -> edge.QueryRequest:
    """Return the engine's request for one query."""
    only(body, _QUERY, "query points")
    asked = _asked(body, schema, stored)
    prefetches = _prefetches(body, schema, stored, depth=1)
    _check_fusion(asked.query, prefetches)
    return edge.QueryRequest(
        limit=_limit(body),
        offset=number(body, "offset", default=0, least=0, most=MAX_HITS),
        query=asked.query,
        prefetches=prefetches,
        with_vector=with_vector_from(body.get("with_vector"), default=False),
        with_payload=with_payload_from(body.get("with_payload"), default=False),
        filter=excluding(filter_from(body.get("filter")), set(asked.without)),
        score_threshold=body.get("score_threshold"),
        params=_params(body.get("params")),
    )


def scroll_from(body: JsonObject) -> edge.ScrollRequest:
    """Return the engine's request for a page of points."""
    only(body, frozenset({"offset", "limit", "filter", "with_payload", "with_vector", "order_by"}), "scroll points")
    order = body.get("order_by")
    if order is not None and body.get("offset") is not None:
        raise Malformed("Wrong input: Cannot use an `offset` when using `order_by`. Use `order_by.start_from` instead")
    return edge.ScrollRequest(
        offset=body.get("offset"),
        limit=_limit(body),
        filter=filter_from(body.get("filter")),
        with_payload=with_payload_from(body.get("with_payload"), default=True),
        with_vector=with_vector_from(body.get("with_vector"), default=False),
        order_by=None if order is None else _order_by(order),
    )


def count_from(body: JsonObject) -> edge.CountRequest:
    """Return the engine's request for a count, exact unless told otherwise."""
    only(body, frozenset({"filter", "exact"}), "count points")
    return edge.CountRequest(exact=flag(body, "exact", default=True), filter=filter_from(body.get("filter")))


def facet_from(body: JsonObject) -> edge.FacetRequest:
    """Return the engine's request for the values of a payload field."""
    only(body, frozenset({"key", "limit", "filter", "exact"}), "facet")
    return edge.FacetRequest(
        string(body, "key", "facet"),
        limit=_limit(body),
        exact=flag(body, "exact", default=False),
        filter=filter_from(body.get("filter")),
    )


def with_payload_from(raw: Any, *, default: bool) -> Any:
    """Return the engine's payload selector."""
    if raw is None:
        return default
    if isinstance(raw, bool | list):
        return raw
    raw = as_object(raw, "with_payload")
    only(raw, frozenset({"include", "exclude"}), "with_payload")
    if raw.get("include") is not None:
        return edge.PayloadSelector.Include(raw["include"])
    return edge.PayloadSelector.Exclude(required(raw, "exclude", "with_payload"))


def with_vector_from(raw: Any, *, default: bool) -> bool | list[str]:
    """Return the engine's vector selector."""
    if raw is None:
        return default
    return raw if isinstance(raw, bool) else as_list(raw, "with_vector")


def _prefetches(body: JsonObject, schema: VectorSchema, stored: StoredVector, *, depth: int) -> list[edge.Prefetch]:
    raw = one_or_many(body.get("prefetch"))
    at_most(len(raw), MAX_BATCH, "prefetches")
    if raw and depth > MAX_DEPTH:
        raise Malformed(f"Wrong input: prefetches may be nested {MAX_DEPTH} deep")
    return [_prefetch(as_object(each, "prefetch"), schema, stored, depth=depth) for each in raw]


def _prefetch(raw: JsonObject, schema: VectorSchema, stored: StoredVector, *, depth: int) -> edge.Prefetch:
    only(raw, _PREFETCH, "prefetch")
    asked = _asked(raw, schema, stored)
    inner = _prefetches(raw, schema, stored, depth=depth + 1)
    _check_fusion(asked.query, inner)
    return edge.Prefetch(
        limit=_limit(raw),
        query=asked.query,
        prefetches=inner,
        params=_params(raw.get("params")),
        filter=excluding(filter_from(raw.get("filter")), set(asked.without)),
        score_threshold=raw.get("score_threshold"),
    )


def _asked(body: JsonObject, schema: VectorSchema, stored: StoredVector) -> Asked:
    raw, using = body.get("query"), body.get("using") or ""
    if raw is None:
        return Asked()
    if not isinstance(raw, dict) or "indices" in raw:
        return _nearest(raw, using, schema, stored)
    if not raw.keys() & _QUERIES:
        return _nearest(raw, using, schema, stored)  # refuses a vector made from text by its name
    unknown = sorted(raw.keys() - _SERVED_QUERIES)
    if unknown:
        raise NotServed(f"query points: {unknown[0][:64]}")
    if raw.get("nearest") is not None:
        return _diverse(raw, using, schema, stored, _limit(body))
    if raw.get("rrf") is not None:
        return Asked(query=_rrf(as_object(raw["rrf"], "rrf")))
    if raw.get("fusion") is not None:
        return Asked(query=_fusion(raw["fusion"]))
    if raw.get("order_by") is not None:
        return Asked(query=_order_by(raw["order_by"]))
    if raw.get("sample") == "random":
        return Asked(query=edge.Sample.Random)
    raise Malformed("Format error in JSON body: an empty query")


def _nearest(raw: Any, using: str, schema: VectorSchema, stored: StoredVector) -> Asked:
    vector, without = _vector(raw, using, schema, stored)
    return Asked(query=edge.Query.Nearest(vector, using=using), without=without)


def _diverse(raw: JsonObject, using: str, schema: VectorSchema, stored: StoredVector, limit: int) -> Asked:
    """Return the nearest points, by maximal marginal relevance where ``mmr`` is given."""
    mmr = raw.get("mmr")
    if mmr is None:
        return _nearest(raw["nearest"], using, schema, stored)
    only(as_object(mmr, "mmr"), frozenset({"diversity", "candidates_limit"}), "mmr")
    vector, without = _vector(raw["nearest"], using, schema, stored)
    diversity = 0.5 if mmr.get("diversity") is None else float(mmr["diversity"])
    candidates = number(mmr, "candidates_limit", default=limit, least=1, most=MAX_HITS)
    return Asked(query=edge.Mmr(vector, 1.0 - diversity, candidates, using=using), without=without)


def _vector(raw: Any, using: str, schema: VectorSchema, stored: StoredVector) -> tuple[Any, frozenset[Any]]:
    """Return the vector to compare with; a point's id stands for its vector and keeps that point out."""
    if isinstance(raw, str) or type(raw) is int:
        return stored(raw, using), frozenset({raw})
    return vector_from(raw, using, schema), frozenset()


def _fusion(word: Any) -> Any:
    if word == "rrf":
        return edge.Fusion.Rrf(RRF_K)
    if word == "dbsf":
        return edge.Fusion.Dbsf()
    raise NotServed(f"fusion: {str(word)[:64]}")


def _rrf(raw: JsonObject) -> Any:
    only(raw, frozenset({"k", "weights"}), "rrf")
    return edge.Fusion.Rrf(number(raw, "k", default=RRF_K, least=1, most=1_000_000), raw.get("weights"))


def _check_fusion(query: Any, prefetches: list[edge.Prefetch]) -> None:
    if isinstance(query, edge.Fusion) and not prefetches:
        raise Malformed("Wrong input: cannot make a fusion without prefetches")


def _order_by(raw: Any) -> edge.OrderBy:
    if isinstance(raw, str):
        return edge.OrderBy(raw)
    raw = as_object(raw, "order_by")
    only(raw, frozenset({"key", "direction", "start_from"}), "order_by")
    directions = {None: None, "asc": edge.Direction.Asc, "desc": edge.Direction.Desc}
    direction = raw.get("direction")
    if direction not in directions:
        raise Malformed("Wrong input: `direction` is asc or desc")
    return edge.OrderBy(string(raw, "key", "order_by"), directions[direction], raw.get("start_from"))


def _params(raw: Any) -> edge.SearchParams | None:
    if raw is None:
        return None
    only(as_object(raw, "params"), frozenset({"hnsw_ef", "exact", "indexed_only", "idf"}), "search params")
    idf = raw.get("idf")
    if idf is not None:
        only(as_object(idf, "idf"), frozenset({"corpus"}), "search params: idf")
        idf = edge.IdfParams(filter_from(idf.get("corpus")))
    return edge.SearchParams(
        hnsw_ef=raw.get("hnsw_ef"),
        exact=flag(raw, "exact", default=False),
        indexed_only=flag(raw, "indexed_only", default=False),
        idf=idf,
    )


def _limit(body: JsonObject) -> int:
    return number(body, "limit", default=DEFAULT_LIMIT, least=1, most=MAX_HITS)
