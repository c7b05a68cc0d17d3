"""What a collection's vectors are: the JSON of ``create collection`` to the engine's configuration and back."""

from dataclasses import dataclass
from typing import Any

import qdrant_edge as edge

from local_stack.edge_server.json_fields import JsonObject, as_object, flag, number, only, required
from local_stack.edge_server.limits import MAX_DIMENSION, MAX_VECTORS
from local_stack.edge_server.refusals import Malformed, NotServed

DISTANCES = {
    "Cosine": edge.Distance.Cosine,
    "Dot": edge.Distance.Dot,
    "Euclid": edge.Distance.Euclid,
    "Manhattan": edge.Distance.Manhattan,
}
DATATYPES = {
    "float32": edge.VectorStorageDatatype.Float32,
    "float16": edge.VectorStorageDatatype.Float16,
    "uint8": edge.VectorStorageDatatype.Uint8,
}
HNSW_DEFAULTS = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000, "max_indexing_threads": 0}
OPTIMIZER_DEFAULTS = {"deleted_threshold": 0.2, "vacuum_min_vector_number": 1000, "default_segment_number": 0}
_OPTIMIZER = frozenset({*OPTIMIZER_DEFAULTS, "max_segment_size", "indexing_threshold"})
_HNSW = frozenset({*HNSW_DEFAULTS, "on_disk", "payload_m"})
_KEPT = ("vectors", "sparse_vectors", "hnsw_config", "optimizers_config", "on_disk_payload")
_SINGLE_NODE = ("shard_number", "replication_factor", "write_consistency_factor")
_DENSE = frozenset({"size", "distance", "on_disk", "datatype", "multivector_config", "hnsw_config"})


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorSchema:
    """What a point's vectors must look like; the default dense vector is named ``""``."""

    dimensions: dict[str, int]
    multi: frozenset[str]
    sparse: frozenset[str]


def kept_configuration(body: JsonObject) -> JsonObject:
    """Return the part of a ``create collection`` request that describes the collection, checked, without metadata."""
    only(body, frozenset({*_KEPT, *_SINGLE_NODE, "metadata"}), "create collection")
    for key in _SINGLE_NODE:
        number(body, key, default=1, least=1, most=1)
    flag(body, "on_disk_payload", default=True)
    return {key: body[key] for key in _KEPT if body.get(key) is not None}


def vector_schema(kept: JsonObject) -> VectorSchema:
    """Return what points of a collection with this configuration must look like."""
    dense = _named_dense(kept)
    sparse = as_object(kept.get("sparse_vectors") or {}, "sparse_vectors")
    if not dense and not sparse:
        raise Malformed("Wrong input: a collection needs at least one vector")
    if len(dense) + len(sparse) > MAX_VECTORS or dense.keys() & sparse.keys():
        raise Malformed(f"Wrong input: vector names must differ and be at most {MAX_VECTORS}")
    return VectorSchema(
        dimensions={
            name: number(as_object(params, "vectors"), "size", default=0, least=1, most=MAX_DIMENSION)
            for name, params in dense.items()
        },
        multi=frozenset(name for name, params in dense.items() if params.get("multivector_config")),
        sparse=frozenset(sparse),
    )


def edge_config(kept: JsonObject) -> edge.EdgeConfig:
    """Return the engine's configuration; the write-ahead log is always on."""
    sparse: JsonObject = kept.get("sparse_vectors") or {}
    return edge.EdgeConfig(
        vectors={name: _dense(params) for name, params in _named_dense(kept).items()} or None,
        sparse_vectors={name: _sparse(params or {}) for name, params in sparse.items()} or None,
        on_disk_payload=kept.get("on_disk_payload"),
        hnsw_config=_hnsw(kept.get("hnsw_config")),
        optimizers=_optimizers(kept.get("optimizers_config")),
        wal_enabled=True,
    )


def described(kept: JsonObject, metadata: JsonObject | None) -> JsonObject:
    """Return the ``config`` of a collection's info."""
    params: JsonObject = {
        "shard_number": 1,
        "replication_factor": 1,
        "write_consistency_factor": 1,
        "on_disk_payload": kept.get("on_disk_payload", True),
    }
    params |= {key: kept[key] for key in ("vectors", "sparse_vectors") if key in kept}
    optimizers = {**OPTIMIZER_DEFAULTS, "flush_interval_sec": 1, "indexing_threshold": 10_000}
    config = {
        "params": params,
        "hnsw_config": {**HNSW_DEFAULTS, "on_disk": False, **_set(kept.get("hnsw_config"))},
        "optimizer_config": {**optimizers, **_set(kept.get("optimizers_config"))},
        "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
        "quantization_config": None,
    }
    return config if metadata is None else {**config, "metadata": metadata}


def _named_dense(kept: JsonObject) -> JsonObject:
    """Return dense parameters by name; one unnamed vector has the name ``""``."""
    vectors = as_object(kept.get("vectors") or {}, "vectors")
    if "size" in vectors and not isinstance(vectors["size"], dict):
        return {"": vectors}
    return {name: as_object(params, f"vectors.{name[:64]}") for name, params in vectors.items()}


def _dense(params: JsonObject) -> edge.EdgeVectorParams:
    only(params, _DENSE, "vector parameters")
    multi = params.get("multivector_config")
    if multi is not None and multi != {"comparator": "max_sim"}:
        raise NotServed("vector parameters: this multivector_config")
    return edge.EdgeVectorParams(
        size=required(params, "size", "vectors"),
        distance=_word(DISTANCES, required(params, "distance", "vectors"), "distance"),
        on_disk=params.get("on_disk"),
        multivector_config=edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim) if multi else None,
        datatype=_word(DATATYPES, params.get("datatype"), "datatype"),
        hnsw_config=_hnsw(params.get("hnsw_config")),
    )


def _sparse(params: JsonObject) -> edge.EdgeSparseVectorParams:
    only(params, frozenset({"index", "modifier"}), "sparse vector parameters")
    index = as_object(params.get("index") or {}, "index")
    only(index, frozenset({"full_scan_threshold", "on_disk", "datatype"}), "sparse vector index")
    modifiers = {"idf": edge.Modifier.Idf, "none": None}
    return edge.EdgeSparseVectorParams(
        full_scan_threshold=index.get("full_scan_threshold"),
        on_disk=index.get("on_disk"),
        modifier=_word(modifiers, params.get("modifier"), "modifier"),
        datatype=_word(DATATYPES, index.get("datatype"), "datatype"),
    )


def _hnsw(raw: Any) -> edge.HnswIndexConfig | None:
    if raw is None:
        return None
    only(as_object(raw, "hnsw_config"), _HNSW, "hnsw_config")
    return edge.HnswIndexConfig(**{**HNSW_DEFAULTS, **_set(raw)})


def _optimizers(raw: Any) -> edge.EdgeOptimizersConfig | None:
    if raw is None:
        return None
    only(as_object(raw, "optimizers_config"), _OPTIMIZER, "optimizers_config")
    return edge.EdgeOptimizersConfig(**_set(raw))


def _set(raw: JsonObject | None) -> JsonObject:
    return {key: given for key, given in (raw or {}).items() if given is not None}


def _word(words: JsonObject, given: Any, what: str) -> Any:
    if given is None:
        return None
    if not isinstance(given, str) or given not in words:
        raise NotServed(f"{what}: {str(given)[:64]}")
    return words[given]
