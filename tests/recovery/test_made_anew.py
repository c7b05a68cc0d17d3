"""What recovery asks of a vector store, on both: whole vectors back, and an index made apart from its readers."""

from uuid import UUID

import pytest

from rag_core.collection import PayloadField
from rag_core.vector_index import IndexMaker, IndexWrite, UnknownCollection
from tests.vector_index.conftest import collection, edge, postgres, store, stores
from tests.vector_index.stores import TestedStore
from tests.vector_index.test_writing import ONE, SPEC, TWO, point

__all__ = ["collection", "edge", "postgres", "store", "stores"]


def maker_of(store: TestedStore) -> IndexMaker:
    return store.writer()  # type: ignore[return-value]  # both adapters' writers are their makers, too


def test_an_inspector_gives_vectors_as_they_were_written(store: TestedStore, collection: str) -> None:
    writer = store.writer()
    physical = writer.ensure(collection, SPEC, [])
    written = [point(ONE, number) for number in range(3)] + [point(TWO, 0, sparse=(9, 1))]
    writer.apply(physical, IndexWrite(upserts=written))
    held = {one.point_id: one for one in store.inspector(page_vectors=2).points_of(physical, [ONE, TWO], vectors=True)}
    assert len(held) == 4
    for wanted in written:
        one = held[str(wanted.point_id)]
        assert one.dense == pytest.approx(list(wanted.dense))
        assert one.sparse is not None
        pairs = sorted(zip(one.sparse.indices, one.sparse.values, strict=True))
        assert pairs == sorted(zip(wanted.sparse.indices, wanted.sparse.values, strict=True))
    assert all(one.dense is None for one in store.inspector().points_of(physical, [ONE]))


def test_an_index_made_apart_serves_nobody_until_it_is_served(store: TestedStore, collection: str) -> None:
    maker, writer, physical = maker_of(store), store.writer(), SPEC.physical_name(collection)
    writer.ensure(collection, SPEC, [PayloadField(name="team")])
    writer.apply(physical, IndexWrite(upserts=[point(ONE, 0)]))
    maker.drop(collection, physical)
    maker.drop(collection, physical)
    assert writer.spec_of(collection) is None
    maker.make(physical, SPEC, [PayloadField(name="team")])
    maker.make(physical, SPEC, [PayloadField(name="team")])
    writer.apply(physical, IndexWrite(upserts=[point(TWO, 0)]))
    assert writer.spec_of(collection) is None
    with pytest.raises(UnknownCollection):
        store.searcher().served(collection, fresh=True)
    maker.serve(collection, physical)
    assert writer.spec_of(collection) == (physical, SPEC)
    served = store.searcher().served(collection, fresh=True)
    assert (served.points, served.fields) == (1, {"team": "keyword"})
    assert [UUID(str(one.document_id)) for one in store.inspector().points_of(physical, [ONE, TWO])] == [TWO]
