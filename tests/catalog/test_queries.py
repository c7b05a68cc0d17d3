"""What readers see: pages, states, counts, indexes."""

import pytest

from rag_core.arrivals import ArrivalState
from rag_core.errors import InvalidRequest
from rag_core.index_spec import IndexSpec
from resources.clients.catalog import Catalog
from tests.catalog.observing import COLLECTION, INDEX, gone, id_of, index, present, record, take

SPEC = IndexSpec(model="m", model_identity="m@1", dimension=4, analyzer="a1")
OTHER = IndexSpec(model="m", model_identity="m@2", dimension=4, analyzer="a1")


def walk(catalog: Catalog, **filters: object) -> list[str]:
    keys: list[str] = []
    after = None
    while True:
        page = catalog.queries.documents(COLLECTION, after=after, limit=2, **filters)  # type: ignore[arg-type] - a test's shorthand
        keys += [document.key for document in page.documents]
        after = page.next_after
        if after is None:
            return keys


def test_pages_by_uri_show_each_document_once_with_its_newest_arrival(catalog: Catalog) -> None:
    record(catalog, *map(present, ["b", "a", "é", "a/1", "a/2"]), present("a", "v2"), gone("b"))
    assert walk(catalog) == ["a", "a/1", "a/2", "b", "é"]
    assert walk(catalog, prefix="file:///a/") == ["a/1", "a/2"]
    first = catalog.queries.documents(COLLECTION, limit=1).documents[0]
    assert (first.announced, first.newest_arrival, first.state) == ("v2", 5, "pending")


def test_pages_by_state_follow_the_newest_arrival(catalog: Catalog) -> None:
    record(catalog, *map(present, ["c", "b", "a"]))
    claim = take(catalog)
    for number, key in enumerate(["c", "b", "a"]):
        index(catalog, claim, number, key)
    record(catalog, present("b", "v2"))
    assert walk(catalog, state=ArrivalState.INDEXED) == ["c", "a"]
    assert walk(catalog, state=ArrivalState.PENDING) == ["b"]
    assert walk(catalog, state=ArrivalState.INDEXED, prefix="file:///a") == ["a"]


def test_unknown_page_is_refused(catalog: Catalog) -> None:
    with pytest.raises(InvalidRequest):
        catalog.queries.documents(COLLECTION, after="nonsense")


def test_unknown_document_is_none(catalog: Catalog) -> None:
    assert catalog.queries.document(id_of("never")) is None


def test_counts_name_every_state(catalog: Catalog) -> None:
    record(catalog, *(present(f"k{i}") for i in range(6)))
    index(catalog, take(catalog), 0, "k0")
    counts = catalog.queries.counts_by_state(COLLECTION)
    assert set(counts) == set(ArrivalState)
    assert (counts[ArrivalState.PENDING], counts[ArrivalState.INDEXED]) == (5, 1)
    assert catalog.queries.block_counts(COLLECTION, 1)[ArrivalState.PENDING] == 2
    assert (catalog.queries.due_count(COLLECTION), catalog.queries.due_count(COLLECTION, at_most=3)) == (5, 3)
    assert catalog.queries.collections() == [COLLECTION]


def test_checks_see_the_documents_whose_text_lies_in_the_block(catalog: Catalog) -> None:
    catalog.indexes.register(COLLECTION, INDEX, SPEC)
    record(catalog, *(present(f"k{i}") for i in range(5)))
    index(catalog, take(catalog), 1, "k1")
    index(catalog, take(catalog, 1), 4, "k4")
    assert [row.key for row in catalog.queries.indexed_in_block(COLLECTION, 0)] == ["k1"]


def test_first_index_stays_active_and_a_differing_one_is_answered_with_it(catalog: Catalog) -> None:
    assert catalog.indexes.active(COLLECTION) is None
    first = SPEC.physical_name(COLLECTION)
    assert catalog.indexes.register(COLLECTION, first, SPEC) == (first, SPEC)
    assert catalog.indexes.register(COLLECTION, OTHER.physical_name(COLLECTION), OTHER) == (first, SPEC)
    assert catalog.indexes.active(COLLECTION) == (first, SPEC)
    assert [row.physical_name for row in catalog.indexes.all(COLLECTION)] == [first]
