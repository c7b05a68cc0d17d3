"""What every writer of a vector index promises, seen through inspectors and searchers of the same store."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from uuid import UUID, uuid5

import pytest

from rag_core.collection import PayloadField
from rag_core.errors import ConfigurationError, DependencyUnavailable
from rag_core.identity import Json
from rag_core.index_spec import IndexSpec, Payload
from rag_core.reconciling import place_key
from rag_core.sparse import SparseVector
from rag_core.vector_index import IndexGone, IndexWrite, PointWrite, VectorStore
from resources.clients.qdrant.connect import connect
from resources.clients.qdrant.store import QdrantStore
from resources.clients.timescale.store import TimescaleStore
from tests.services.loopback import free_port
from tests.vector_index.stores import TestedStore

SPEC = IndexSpec(model="m", model_identity="m@1", dimension=2, analyzer="a/1")
ONE, TWO = UUID(int=1), UUID(int=2)


def point(document: UUID, number: int, *, sparse: tuple[int, ...] = (3, 2**32 - 1), **payload: Json) -> PointWrite:
    return PointWrite(
        point_id=uuid5(document, str(number)),
        dense=[1.0, 0.0],
        sparse=SparseVector(indices=sparse, values=tuple(0.5 + place for place in range(len(sparse)))),
        payload={
            Payload.TEXT: f"text {number}",
            Payload.DOCUMENT_ID: str(document),
            Payload.ORDINAL: number,
            Payload.HEADING_PATH: ["A"],
            Payload.EMBEDDING_KEY: "k",
            Payload.DOCUMENT_KEY: "d",
            Payload.ALLOWED_GROUPS: ["*"],
            **payload,
        },
    )


def payloads(store: TestedStore, physical: str, *documents: UUID) -> dict[str, dict[str, Json]]:
    held = store.inspector(page_points=2).points_of(physical, documents)
    return {one.point_id: dict(one.payload) for one in held}


def test_an_index_is_made_once_and_says_what_its_vectors_are(store: TestedStore, collection: str) -> None:
    writer = store.writer()
    assert writer.spec_of(collection) is None
    physical = writer.ensure(collection, SPEC, [PayloadField(name="team")])
    assert physical == SPEC.physical_name(collection)
    assert writer.ensure(collection, SPEC, [PayloadField(name="year", type="integer")]) == physical
    assert writer.spec_of(collection) == (physical, SPEC)
    assert store.searcher().served(collection).fields == {"team": "keyword", "year": "integer"}
    assert collection in store.searcher().collections()


def test_another_spec_is_refused_with_what_differs_and_the_old_index_serves_on(
    store: TestedStore, collection: str
) -> None:
    writer = store.writer()
    physical = writer.ensure(collection, SPEC, [])
    with pytest.raises(ConfigurationError, match="dimension 2 -> 3"):
        writer.ensure(collection, replace(SPEC, dimension=3), [])
    assert writer.spec_of(collection) == (physical, SPEC)


def test_many_make_one_index_at_once(store: TestedStore, collection: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        made = set(pool.map(lambda _: store.writer().ensure(collection, SPEC, [PayloadField(name="team")]), range(6)))
    assert made == {SPEC.physical_name(collection)}
    store.writer().apply(made.pop(), IndexWrite(upserts=[point(ONE, 1)]))
    assert store.searcher().served(collection).points == 1


def test_the_index_tells_what_it_holds_of_each_document_over_several_pages(store: TestedStore, collection: str) -> None:
    writer = store.writer(max_points=3, page_points=2)
    physical = writer.ensure(collection, SPEC, [])
    writer.apply(physical, IndexWrite(upserts=[point(ONE, number) for number in range(7)] + [point(TWO, 0)]))
    held = writer.points_of(physical, [ONE, UUID(int=9)])
    assert set(held) == {ONE, UUID(int=9)}
    assert set(held[ONE]) == {uuid5(ONE, str(number)) for number in range(7)}
    assert held[UUID(int=9)] == {}
    state = held[ONE][uuid5(ONE, "4")]
    assert (state.embedding_key, state.document_key, state.allowed_groups) == ("k", "d", ("*",))
    assert state.place_key == place_key({Payload.ORDINAL: 4, Payload.HEADING_PATH: ["A"]})
    assert writer.points_of(physical, []) == {}


def test_places_document_keys_and_deletions_reach_exactly_their_points(store: TestedStore, collection: str) -> None:
    writer = store.writer(max_points=3, page_points=2)
    physical = writer.ensure(collection, SPEC, [])
    writer.apply(physical, IndexWrite(upserts=[point(ONE, number) for number in range(4)] + [point(TWO, 0)]))
    moved = {Payload.TEXT: "moved", Payload.ORDINAL: 9, Payload.HEADING_PATH: ["A"]}
    change = IndexWrite(
        upserts=[point(ONE, 5)],
        places={uuid5(ONE, "0"): moved},
        documents={ONE: {Payload.DOCUMENT_KEY: "new", Payload.ALLOWED_GROUPS: ["team"]}},
        deletes=[uuid5(ONE, "3")],
    )
    writer.apply(physical, change)
    writer.apply(physical, change)
    held = writer.points_of(physical, [ONE, TWO])
    assert set(held[ONE]) == {uuid5(ONE, str(number)) for number in (0, 1, 2, 5)}
    assert {state.document_key for state in held[ONE].values()} == {"new"}
    assert {state.allowed_groups for state in held[ONE].values()} == {("team",)}
    assert held[ONE][uuid5(ONE, "0")].place_key == place_key(moved)
    assert [state.document_key for state in held[TWO].values()] == ["d"]
    shown = payloads(store, physical, ONE)
    assert shown[str(uuid5(ONE, "0"))][Payload.TEXT] == "moved"
    assert shown[str(uuid5(ONE, "1"))][Payload.TEXT] == "text 1"
    writer.delete_documents(physical, [ONE])
    assert writer.points_of(physical, [ONE, TWO])[ONE] == {}
    assert len(writer.points_of(physical, [TWO])[TWO]) == 1


def test_a_key_set_to_none_is_taken_away_and_others_stay(store: TestedStore, collection: str) -> None:
    writer = store.writer()
    physical = writer.ensure(collection, SPEC, [])
    metadata: dict[str, Json] = {"team": "x", "nothing": None}
    writer.apply(physical, IndexWrite(upserts=[point(ONE, 0, first_page=3, title="old", metadata=metadata)]))
    writer.apply(
        physical,
        IndexWrite(
            places={uuid5(ONE, "0"): {Payload.FIRST_PAGE: None, Payload.LAST_PAGE: 4}},
            documents={ONE: {Payload.TITLE: None, Payload.URI: "file:///x"}},
        ),
    )
    [payload] = payloads(store, physical, ONE).values()
    assert Payload.FIRST_PAGE not in payload
    assert Payload.TITLE not in payload
    assert (payload[Payload.LAST_PAGE], payload[Payload.URI], payload[Payload.TEXT]) == (4, "file:///x", "text 0")
    assert payload[Payload.METADATA] == metadata


def test_a_point_written_again_is_the_new_one_in_both_vectors_and_payload(store: TestedStore, collection: str) -> None:
    writer = store.writer()
    physical = writer.ensure(collection, SPEC, [])
    writer.apply(physical, IndexWrite(upserts=[point(ONE, 0, title="old"), point(ONE, 1)]))
    again = replace(point(ONE, 0, sparse=(7, 8, 9), embedding_key="k2"), dense=[0.0, 1.0])
    for _ in range(2):
        writer.apply(physical, IndexWrite(upserts=[again]))
    assert store.vectors(physical, again.point_id) == ([0.0, 1.0], {7: 0.5, 8: 1.5, 9: 2.5})
    shown = payloads(store, physical, ONE)[str(again.point_id)]
    assert shown[Payload.EMBEDDING_KEY] == "k2"
    assert Payload.TITLE not in shown
    index = store.searcher().served(collection)
    assert index.points == 2
    old_word, new_word = (SparseVector(indices=(term,), values=(1.0,)) for term in (3, 7))
    found = store.searcher().candidates(index, dense=None, sparse=old_word, groups=None)
    assert list(found.sparse) == [str(uuid5(ONE, "1"))]
    found = store.searcher().candidates(index, dense=[0.0, 1.0], sparse=new_word, groups=None)
    assert list(found.sparse) == [str(again.point_id)]
    assert found.dense[str(again.point_id)] == pytest.approx(1.0, abs=1e-6)


def test_what_dies_in_the_middle_has_written_whole_batches_and_deleted_nothing(
    store: TestedStore, collection: str
) -> None:
    writer = store.writer(max_points=3)
    physical = writer.ensure(collection, SPEC, [])
    writer.apply(physical, IndexWrite(upserts=[point(ONE, number) for number in range(4)]))

    def dying() -> Iterator[PointWrite]:
        yield from (point(TWO, number) for number in range(4))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        writer.apply(physical, IndexWrite(upserts=dying(), deletes=[uuid5(ONE, str(number)) for number in range(4)]))
    held = writer.points_of(physical, [ONE, TWO])
    assert (len(held[ONE]), len(held[TWO])) == (4, 3)


def test_thousands_of_points_are_written_read_and_deleted_page_by_page(store: TestedStore, collection: str) -> None:
    documents = [UUID(int=number) for number in range(1, 31)]
    writer = store.writer(page_points=700)
    physical = writer.ensure(collection, SPEC, [])
    writer.apply(physical, IndexWrite(upserts=(point(one, number) for one in documents for number in range(100))))
    assert {len(points) for points in writer.points_of(physical, documents).values()} == {100}
    inspector = store.inspector(page_points=700)
    pages = list(inspector.every_point(physical))
    assert [len(page) for page in pages] == [700, 700, 700, 700, 200]
    assert {one.document_id for page in pages for one in page} == set(documents)
    assert len({one.point_id for page in pages for one in page}) == 3000
    assert len(list(inspector.points_of(physical, documents[:9]))) == 900
    writer.apply(physical, IndexWrite(documents={one: {Payload.TITLE: "new"} for one in documents[:2]}))
    assert {shown[Payload.TITLE] for shown in payloads(store, physical, *documents[:2]).values()} == {"new"}
    writer.delete_documents(physical, documents[3:])
    assert sum(len(page) for page in inspector.every_point(physical)) == 300
    assert store.searcher().served(collection).points == 300


def test_writers_of_the_same_points_at_once_leave_each_point_whole(store: TestedStore, collection: str) -> None:
    physical = store.writer().ensure(collection, SPEC, [])

    def write(version: int) -> None:
        points = [
            replace(point(ONE, number, sparse=(version + 10, number + 100), title=str(version)), dense=[version, 1.0])
            for number in range(60)
        ]
        shuffled = points[version * 9 :] + points[: version * 9]
        store.writer(max_points=16).apply(physical, IndexWrite(upserts=shuffled))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, [1, 2, 3, 4] * 2))
    shown = payloads(store, physical, ONE)
    assert len(shown) == 60
    for number in range(60):
        one = uuid5(ONE, str(number))
        version = int(str(shown[str(one)][Payload.TITLE]))
        dense, terms = store.vectors(physical, one)
        assert dense[0] / dense[1] == pytest.approx(version)
        assert set(terms) == {version + 10, number + 100}


def test_an_index_that_was_dropped_is_gone_to_its_writers_and_made_anew(store: TestedStore, collection: str) -> None:
    writer = store.writer()
    physical = writer.ensure(collection, SPEC, [])
    writer.apply(physical, IndexWrite(upserts=[point(ONE, 0)]))
    store.drop(physical)
    assert writer.spec_of(collection) is None
    assert collection not in store.searcher().collections()
    with pytest.raises(IndexGone):
        writer.points_of(physical, [ONE])
    with pytest.raises(IndexGone):
        writer.apply(physical, IndexWrite(upserts=[point(ONE, 0)]))
    with pytest.raises(IndexGone):
        list(store.inspector().every_point(physical))
    assert writer.ensure(collection, SPEC, []) == physical
    assert writer.points_of(physical, [ONE]) == {ONE: {}}


@pytest.mark.parametrize(
    "opened",
    [
        lambda port: QdrantStore(connect(f"http://127.0.0.1:{port}", timeout_s=2)),
        lambda port: TimescaleStore(f"postgresql://rag:secret@127.0.0.1:{port}/rag", timeout_s=2),
    ],
)
def test_a_server_that_is_away_is_a_dependency_that_is_away_and_no_secret_is_said(
    opened: Callable[[int], VectorStore],
) -> None:
    with closing(opened(free_port())) as store:
        for ask in (lambda: store.writer().spec_of("notes"), lambda: store.searcher().served("notes")):
            with pytest.raises(DependencyUnavailable, match="did not answer") as caught:
                ask()
            assert caught.value.dependency == store.name
            assert "secret" not in str(caught.value)
