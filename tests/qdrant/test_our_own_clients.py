"""The platform's writer and searcher work against this server as they do against Qdrant."""

import uuid
from collections.abc import Iterator
from uuid import UUID, uuid5

import pytest

from rag_core.collection import PayloadField
from rag_core.errors import ConfigurationError
from rag_core.filters import AnyOf
from rag_core.index_spec import IndexSpec, Payload
from rag_core.sparse import SparseVector
from rag_core.vector_index import IndexGone, IndexWrite, PointWrite, UnknownCollection
from resources.clients.qdrant.connect import connect
from resources.clients.qdrant.searching import QdrantSearcher
from resources.clients.qdrant.writing import QdrantWriter
from tests.qdrant.server import EdgeServer

SPEC = IndexSpec(model="m", model_identity="m@1", dimension=2, analyzer="a/1")
ONE, TWO = UUID(int=1), UUID(int=2)


@pytest.fixture
def served(edge_server: EdgeServer) -> Iterator[tuple[QdrantWriter, QdrantSearcher, str]]:
    client = connect(edge_server.url)
    collection = f"notes-{uuid.uuid4().hex[:8]}"
    yield QdrantWriter(client), QdrantSearcher(client, refresh_s=0), collection
    client.delete_collection(SPEC.physical_name(collection))
    client.close()


def write(document: UUID, number: int, *, dense: list[float], groups: list[str]) -> PointWrite:
    return PointWrite(
        point_id=uuid5(document, str(number)),
        dense=dense,
        sparse=SparseVector(indices=(3, 7 + number), values=(0.5, 1.0)),
        payload={
            Payload.DOCUMENT_ID: str(document),
            Payload.EMBEDDING_KEY: f"k{number}",
            Payload.DOCUMENT_KEY: "d",
            Payload.ALLOWED_GROUPS: list(groups),
            Payload.METADATA: {"team": "red" if number % 2 else "blue", "open": number % 2 == 0},
        },
    )


def test_an_index_is_made_written_and_searched(served: tuple[QdrantWriter, QdrantSearcher, str]) -> None:
    writer, searcher, collection = served
    fields = [PayloadField(name="team"), PayloadField(name="open", type="bool")]
    physical = writer.ensure(collection, SPEC, fields)
    assert writer.ensure(collection, SPEC, fields) == physical
    upserts = [write(ONE, number, dense=[1.0, number / 10], groups=["*"]) for number in range(4)]
    upserts += [write(TWO, number, dense=[0.0, 1.0], groups=["board"]) for number in range(2)]
    writer.apply(physical, IndexWrite(upserts=upserts))
    held = writer.points_of(physical, [ONE, TWO])
    assert [len(held[ONE]), len(held[TWO])] == [4, 2]

    index = searcher.served(collection)
    assert (index.spec, index.points, dict(index.fields)) == (SPEC, 6, {"team": "keyword", "open": "bool"})
    words = SparseVector(indices=(3, 8), values=(1.0, 1.0))
    everyone = searcher.candidates(index, dense=[1.0, 0.0], sparse=words, groups=[])
    assert set(everyone.dense) == set(everyone.sparse) == {str(uuid5(ONE, str(number))) for number in range(4)}
    assert len(everyone.term_tops) == 2
    board = searcher.candidates(index, dense=[1.0, 0.0], sparse=None, groups=["board"])
    assert len(board.dense) == 6
    is_open = AnyOf(field="open", type="bool", values=(True,))
    assert len(searcher.candidates(index, dense=[1.0, 0.0], sparse=None, groups=None, conditions=[is_open]).dense) == 3

    writer.apply(physical, IndexWrite(deletes=[uuid5(ONE, "0")], documents={ONE: {Payload.DOCUMENT_KEY: "d2"}}))
    held = writer.points_of(physical, [ONE])
    assert {state.document_key for state in held[ONE].values()} == {"d2"}
    writer.delete_documents(physical, [ONE, TWO])
    assert writer.points_of(physical, [ONE])[ONE] == {}


def test_what_is_missing_or_differs_is_said(served: tuple[QdrantWriter, QdrantSearcher, str]) -> None:
    writer, searcher, collection = served
    with pytest.raises(UnknownCollection):
        searcher.served(collection)
    writer.ensure(collection, SPEC, [])
    other = IndexSpec(model="m", model_identity="m@1", dimension=3, analyzer="a/1")
    with pytest.raises(ConfigurationError, match="dimension"):
        writer.ensure(collection, other, [])
    index = searcher.served(collection)
    writer._client.delete_collection(index.physical)
    with pytest.raises(IndexGone):
        searcher.candidates(index, dense=[1.0, 0.0], sparse=None, groups=None)
