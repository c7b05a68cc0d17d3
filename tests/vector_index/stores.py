"""Both vector stores as the suite knows them: real servers, the platform's own adapters, and what only tests do."""

import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rag_core.index_spec import DENSE, SPARSE
from rag_core.vector_index import IndexInspector, IndexSearcher, IndexWriter
from resources.clients.qdrant.connect import connect
from resources.clients.qdrant.inspecting import QdrantInspector
from resources.clients.qdrant.searching import QdrantSearcher
from resources.clients.qdrant.writing import QdrantWriter
from resources.clients.timescale.inspecting import TimescaleInspector
from resources.clients.timescale.searching import TimescaleSearcher
from resources.clients.timescale.sessions import Sessions
from resources.clients.timescale.tables import Registry
from resources.clients.timescale.writing import TimescaleWriter

Vectors = tuple[list[float], dict[int, float]]


@dataclass(frozen=True, kw_only=True)
class TestedStore:
    """One store; pages and batches of its sides are as small as a test wants them.

    ``drop`` takes a physical index away behind the adapter's back, ``vectors`` reads what an index holds of a point.
    """

    __test__ = False

    name: str
    writer: Callable[..., IndexWriter]
    searcher: Callable[..., IndexSearcher]
    inspector: Callable[..., IndexInspector]
    drop: Callable[[str], object]
    vectors: Callable[[str, uuid.UUID], Vectors]
    made: list[str] = field(default_factory=list)

    def new_collection(self) -> str:
        """Return the name of a collection that nobody else uses; what serves it is dropped with the test."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self.made.append(name)
        return name

    def clean(self) -> None:
        """Drop what the test's collections left."""
        for name in self.made:
            active = self.writer().spec_of(name)
            if active is not None:
                self.drop(active[0])
        self.made.clear()


@contextlib.contextmanager
def qdrant_store(url: str) -> Iterator[TestedStore]:
    client = connect(url)

    def vectors(physical: str, point: uuid.UUID) -> Vectors:
        [record] = client.retrieve(physical, [str(point)], with_vectors=True)
        held: Any = record.vector
        return list(held[DENSE]), dict(zip(held[SPARSE].indices, held[SPARSE].values, strict=True))

    yield TestedStore(
        name="qdrant",
        writer=lambda **sizes: QdrantWriter(client, **sizes),
        searcher=lambda **more: QdrantSearcher(client, **more),
        inspector=lambda **sizes: QdrantInspector(client, **sizes),
        drop=client.delete_collection,
        vectors=vectors,
    )
    client.close()


@contextlib.contextmanager
def timescale_store(url: str) -> Iterator[TestedStore]:
    sessions, registry = Sessions(url, timeout_s=60), Registry()

    def number_of(physical: str) -> int:
        with sessions.transaction("look") as cursor:
            row = cursor.execute(b"SELECT number FROM rag_vectors.indexes WHERE physical = $1", [physical]).fetchone()
        assert row is not None
        return row[0]

    def drop(physical: str) -> None:
        number = number_of(physical)
        with sessions.transaction("drop") as cursor:
            cursor.execute(f"DROP TABLE rag_vectors.points_{number}, rag_vectors.terms_{number}".encode())
            cursor.execute(b"DELETE FROM rag_vectors.indexes WHERE number = $1", [number])

    def vectors(physical: str, point: uuid.UUID) -> Vectors:
        number = number_of(physical)
        with sessions.transaction("look") as cursor:
            held = cursor.execute(
                f"SELECT embedding::real[], number FROM rag_vectors.points_{number} WHERE id = $1".encode(), [point]
            ).fetchone()
            assert held is not None
            terms = cursor.execute(
                f"SELECT term + 2147483648, weight FROM rag_vectors.terms_{number} WHERE point = $1".encode(), [held[1]]
            ).fetchall()
        assert len(dict(terms)) == len(terms)
        return held[0], dict(terms)

    yield TestedStore(
        name="timescale",
        writer=lambda **sizes: TimescaleWriter(sessions, registry, **sizes),
        searcher=lambda **more: TimescaleSearcher(sessions, registry, **more),
        inspector=lambda **sizes: TimescaleInspector(sessions, registry, **sizes),
        drop=drop,
        vectors=vectors,
    )
    sessions.close()
