from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID, uuid5

import pytest
from qdrant_client import QdrantClient

from rag_core.collection import PayloadField
from rag_core.errors import ConfigurationError, DependencyUnavailable
from rag_core.identity import Json
from rag_core.index_spec import IndexSpec, Payload
from rag_core.reconciling import place_key
from rag_core.sparse import SparseVector
from rag_core.vector_index import IndexWrite, PointWrite
from resources.clients.qdrant.connect import connect
from resources.clients.qdrant.writing import QdrantWriter
from tests.services.loopback import free_port

SPEC = IndexSpec(model="m", model_identity="m@1", dimension=2, analyzer="a/1")
ONE, TWO = UUID(int=1), UUID(int=2)


def point(document: UUID, number: int, **payload: Json) -> PointWrite:
    return PointWrite(
        point_id=uuid5(document, str(number)),
        dense=[1.0, 0.0],
        sparse=SparseVector(indices=(3, 7), values=(0.5, 1.0)),
        payload={
            Payload.DOCUMENT_ID: str(document),
            Payload.ORDINAL: number,
            Payload.HEADING_PATH: ["A"],
            Payload.EMBEDDING_KEY: "k",
            Payload.DOCUMENT_KEY: "d",
            Payload.ALLOWED_GROUPS: ["*"],
            **payload,
        },
    )


@pytest.fixture
def client() -> Iterator[QdrantClient]:
    local = QdrantClient(":memory:")
    yield local
    local.close()


@pytest.fixture
def writer(client: QdrantClient) -> QdrantWriter:
    return QdrantWriter(client, max_points=3, page_points=2)


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect")
def test_an_index_is_made_once_and_says_what_its_vectors_are(writer: QdrantWriter) -> None:
    assert writer.spec_of("notes") is None
    physical = writer.ensure("notes", SPEC, [PayloadField(name="team")])
    assert physical == SPEC.physical_name("notes")
    assert writer.ensure("notes", SPEC, []) == physical
    assert writer.spec_of("notes") == (physical, SPEC)


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect")
def test_another_spec_is_refused_with_what_differs_and_the_old_index_serves_on(writer: QdrantWriter) -> None:
    physical = writer.ensure("notes", SPEC, [])
    with pytest.raises(ConfigurationError, match="dimension 2 -> 3"):
        writer.ensure("notes", replace(SPEC, dimension=3), [])
    assert writer.spec_of("notes") == (physical, SPEC)


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect")
def test_the_index_tells_what_it_holds_of_each_document_over_several_pages(writer: QdrantWriter) -> None:
    physical = writer.ensure("notes", SPEC, [])
    writer.apply(physical, IndexWrite(upserts=[point(ONE, number) for number in range(7)] + [point(TWO, 0)]))
    held = writer.points_of(physical, [ONE, UUID(int=9)])
    assert set(held) == {ONE, UUID(int=9)}
    assert set(held[ONE]) == {uuid5(ONE, str(number)) for number in range(7)}
    assert held[UUID(int=9)] == {}
    state = held[ONE][uuid5(ONE, "4")]
    assert (state.embedding_key, state.document_key, state.allowed_groups) == ("k", "d", ("*",))
    assert state.place_key == place_key({Payload.ORDINAL: 4, Payload.HEADING_PATH: ["A"]})


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect")
def test_places_document_keys_and_deletions_reach_exactly_their_points(writer: QdrantWriter) -> None:
    physical = writer.ensure("notes", SPEC, [])
    writer.apply(physical, IndexWrite(upserts=[point(ONE, number) for number in range(4)] + [point(TWO, 0)]))
    writer.apply(
        physical,
        IndexWrite(
            places={uuid5(ONE, "0"): {Payload.ORDINAL: 9, Payload.HEADING_PATH: ["A"]}},
            documents={ONE: {Payload.DOCUMENT_KEY: "new", Payload.ALLOWED_GROUPS: ["team"]}},
            deletes=[uuid5(ONE, "3")],
        ),
    )
    held = writer.points_of(physical, [ONE, TWO])
    assert len(held[ONE]) == 3
    assert {state.document_key for state in held[ONE].values()} == {"new"}
    assert {state.allowed_groups for state in held[ONE].values()} == {("team",)}
    assert held[ONE][uuid5(ONE, "0")].place_key == place_key({Payload.ORDINAL: 9, Payload.HEADING_PATH: ["A"]})
    assert [state.document_key for state in held[TWO].values()] == ["d"]
    writer.delete_documents(physical, [ONE])
    assert writer.points_of(physical, [ONE, TWO])[ONE] == {}
    assert len(writer.points_of(physical, [TWO])[TWO]) == 1


def test_a_server_that_is_away_is_a_dependency_that_is_away() -> None:
    writer = QdrantWriter(connect(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(DependencyUnavailable, match="Qdrant did not answer"):
        writer.spec_of("notes")
