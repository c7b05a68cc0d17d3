"""Computed identity: the same input gives the same id, on every machine and in every run.

Nothing here is random. A retry that computes its ids again writes the same points again, so it cannot duplicate.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias
from uuid import UUID, uuid5

NAMESPACE = UUID("6b0f1c8e-5f5a-5d0e-9a55-7d1f3f0c2a11")

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


def document_id(collection: str, uri: str) -> UUID:
    """Return the id of the document at a canonical URI within a collection."""
    return uuid5(_namespace_of(collection), uri)


@lru_cache(maxsize=256)
def _namespace_of(collection: str) -> UUID:
    return uuid5(NAMESPACE, collection)


def point_id(document: UUID, chunk_text: str, occurrence: int) -> UUID:
    """Return the id of a chunk's point: the document, the text, and which of its equal texts (0, 1, …) it is."""
    return uuid5(document, f"{sha256_hex(chunk_text)}/{occurrence}")


def embedding_key(embedded_text: str) -> str:
    """Return the key of everything the encoders saw (title and heading path included), 64 hex digits."""
    return sha256_hex(embedded_text)


def fingerprint(value: Json) -> str:
    """Return 16 hex digits that change when any part of a JSON value changes, whatever the order of its keys."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256_hex(canonical)[:16]


def partition_key(partition: int) -> str:
    """Return the Dagster partition key of a block of arrivals, such as ``000042``; keys sort as numbers do."""
    return f"{partition:06d}"


def sha256_hex(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8 bytes, 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
