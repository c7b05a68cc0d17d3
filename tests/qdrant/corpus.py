"""The collection that scenarios ask: forty points whose every answer is the same on every engine and every run.

No two scores tie, so no engine may choose an order.
"""

import random
import uuid
from collections.abc import Iterable
from typing import Any

from qdrant_client import QdrantClient, models

DIMENSION = 8
GROUPS = ("red", "green", "blue", "grey")
INDEXED = {
    "group": "keyword",
    "document_id": "keyword",
    "allowed_groups": "keyword",
    "year": "integer",
    "price": "float",
    "open": "bool",
    "seen_at": "datetime",
}


def point_id(number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))


def dense(number: int) -> list[float]:
    drawn = random.Random(f"dense {number}")
    return [round(drawn.uniform(-1, 1), 4) for _ in range(DIMENSION)]


def sparse(number: int) -> models.SparseVector:
    drawn = random.Random(f"sparse {number}")
    indices = sorted(drawn.sample(range(30), 6))
    return models.SparseVector(indices=indices, values=[round(drawn.uniform(0.2, 2), 4) for _ in indices])


def payload(number: int) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "number": number,
        "group": GROUPS[number % 4],
        "document_id": str(uuid.uuid5(uuid.NAMESPACE_URL, str(number // 5))),
        "allowed_groups": ["*"] if number % 3 else ["staff", "board"],
        "year": 2000 + number,
        "price": number / 8,
        "open": number % 2 == 0,
        "seen_at": f"2024-01-{number % 28 + 1:02}T10:00:00Z",
        "place": {"page": number, "heading": ["A", "B"]},
        "parts": [{"kind": "x", "size": number}, {"kind": "y", "size": number + 1}],
        "where": {"lon": 13.0 + number / 10, "lat": 52.5},
        "text": f"passage number {number}: größer als ‘x’",
    }
    if number % 7 == 0:
        whole["note"] = None
    if number % 5 == 0:
        whole["extra"] = []
    return whole


def point(number: int, **changed: Any) -> models.PointStruct:
    vectors = {"dense": dense(number), "sparse": sparse(number)}
    return models.PointStruct(id=point_id(number), vector=vectors, payload=payload(number) | changed)


def create(client: QdrantClient, name: str) -> None:
    client.create_collection(
        name,
        vectors_config={"dense": models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE)},
        sparse_vectors_config={"sparse": models.SparseVectorParams(modifier=models.Modifier.IDF)},
        metadata={"index_spec": {"model": "m", "dimension": DIMENSION}, "made_by": "tests"},
    )


def fill(client: QdrantClient, name: str, *, points: int = 40, indexed: Iterable[str] = ("group",)) -> None:
    create(client, name)
    for field in indexed:
        client.create_payload_index(name, field, field_schema=models.PayloadSchemaType(INDEXED[field]), wait=True)
    client.upsert(name, [point(number) for number in range(points)], wait=True)
