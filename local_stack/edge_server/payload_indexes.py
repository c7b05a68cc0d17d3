"""Payload indexes: the JSON of ``create field index`` to the engine's schema, and the schema that a collection shows.

The engine keeps the schema with the points and in its log, so it is written down nowhere else.
"""

from collections.abc import Mapping
from typing import Any

import qdrant_edge as edge

from local_stack.edge_server.json_fields import JsonObject, as_object, only, text
from local_stack.edge_server.refusals import NotServed

_COMMON = ("on_disk", "enable_hnsw", "nested")
_KINDS: Mapping[str, tuple[Any, Any, tuple[str, ...]]] = {
    "keyword": (edge.PayloadSchemaType.Keyword, edge.KeywordIndexParams, ("is_tenant", "prefix")),
    "integer": (edge.PayloadSchemaType.Integer, edge.IntegerIndexParams, ("lookup", "range", "is_principal")),
    "float": (edge.PayloadSchemaType.Float, edge.FloatIndexParams, ("is_principal",)),
    "bool": (edge.PayloadSchemaType.Bool, edge.BoolIndexParams, ()),
    "datetime": (edge.PayloadSchemaType.Datetime, edge.DatetimeIndexParams, ("is_principal",)),
    "uuid": (edge.PayloadSchemaType.Uuid, edge.UuidIndexParams, ("is_tenant",)),
    "geo": (edge.PayloadSchemaType.Geo, edge.GeoIndexParams, ()),
    "text": (
        edge.PayloadSchemaType.Text,
        edge.TextIndexParams,
        ("tokenizer", "min_token_len", "max_token_len", "lowercase", "ascii_folding", "phrase_matching"),
    ),
}
_TOKENIZERS = {
    "prefix": edge.TokenizerType.Prefix,
    "whitespace": edge.TokenizerType.Whitespace,
    "word": edge.TokenizerType.Word,
    "multilingual": edge.TokenizerType.Multilingual,
}


def index_schema(raw: Any) -> Any:
    """Return the engine's schema for ``field_schema``: a type's name or an object of parameters."""
    if isinstance(raw, str):
        return _kind(raw)[0]
    raw = as_object(raw, "field_schema")
    kind = text(raw, "type", "field_schema")
    _, make, own = _kind(kind)
    known = (*own, *_COMMON)
    only(raw, frozenset({"type", *known}), f"{kind} index")
    given = {key: raw[key] for key in known if raw.get(key) is not None}
    if "tokenizer" in given:
        if given["tokenizer"] not in _TOKENIZERS:
            raise NotServed(f"tokenizer: {str(given['tokenizer'])[:64]}")
        given["tokenizer"] = _TOKENIZERS[given["tokenizer"]]
    return make(**given)


def shown_schema(schema: Mapping[str, Any]) -> JsonObject:
    """Return ``payload_schema`` of a collection's info."""
    return {field: _shown(info) for field, info in schema.items()}


def _shown(info: Any) -> JsonObject:
    kind = next(name for name, (engine_type, _, _) in _KINDS.items() if engine_type == info.data_type)
    shown: JsonObject = {"data_type": kind, "points": info.points}
    if info.params is not None:
        params = {key: getattr(info.params, key) for key in (*_KINDS[kind][2], *_COMMON)}
        if params.get("tokenizer") is not None:
            params["tokenizer"] = next(word for word, each in _TOKENIZERS.items() if each == params["tokenizer"])
        shown["params"] = {"type": kind, **{key: value for key, value in params.items() if value is not None}}
    return shown


def _kind(name: str) -> tuple[Any, Any, tuple[str, ...]]:
    if name not in _KINDS:
        raise NotServed(f"payload index: {name[:64]}")
    return _KINDS[name]
