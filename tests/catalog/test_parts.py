"""Part files: named in one transaction, found for reuse, folded, and garbage when nothing holds them."""

import pytest

from rag_core.errors import InvalidRequest
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import FoundPart, NewPart
from tests.catalog.observing import COLLECTION, LIMITS, expire_leases, id_of, index, present, record, take


def part(file: str, *arrivals: int, asset: str = "chunks", fingerprint: str = "f1") -> NewPart:
    return NewPart(asset=asset, fingerprint=fingerprint, file=file, rows=9, bytes=99, arrivals=arrivals)


def garbage(catalog: Catalog) -> list[str]:
    return catalog.parts.unnamed(older_than_s=0)


def test_arrival_has_one_file_for_each_asset_and_spec(catalog: Catalog) -> None:
    record(catalog, present("a"), present("b"))
    catalog.parts.name(COLLECTION, 0, [part("c1", 0, 1), part("e1", 0, 1, asset="embeddings")])
    catalog.parts.name(COLLECTION, 0, [part("c2", 1), part("c9", 0, fingerprint="f2")])
    assert catalog.parts.files(COLLECTION, 0, "chunks", "f1") == {0: "c1", 1: "c2"}
    assert catalog.parts.files(COLLECTION, 0, "chunks") == {0: "c9", 1: "c2"}
    assert catalog.parts.files(COLLECTION, 0, "embeddings", "f1") == {0: "e1", 1: "e1"}
    assert garbage(catalog) == []


def test_file_that_lost_its_last_arrival_is_garbage_until_forgotten(catalog: Catalog) -> None:
    record(catalog, present("a"), present("b"))
    catalog.parts.name(COLLECTION, 0, [part("c1", 0, 1)])
    catalog.parts.name(COLLECTION, 0, [part("c2", 0)])
    assert garbage(catalog) == []
    catalog.parts.name(COLLECTION, 0, [part("c3", 1)])
    assert garbage(catalog) == ["c1"]
    assert catalog.parts.unnamed(older_than_s=3600) == []
    assert catalog.parts.named(["c1", "c2", "stray"]) == {"c1", "c2"}
    catalog.parts.forget(["c1", "c2"])
    assert catalog.parts.named(["c1", "c2"]) == {"c2"}, "a file that holds rows is never forgotten"


def test_naming_the_same_file_again_changes_nothing(catalog: Catalog) -> None:
    record(catalog, present("a"))
    for _ in range(2):
        catalog.parts.name(COLLECTION, 0, [part("c1", 0)])
    (found,) = catalog.parts.of_block(COLLECTION, 0)
    assert (found.file, found.arrivals, found.rows) == ("c1", 1, 9)


def test_vectors_are_found_for_reuse_at_the_newest_arrival_that_has_them(catalog: Catalog) -> None:
    record(catalog, present("a"), present("b"), present("a", "v2"), present("a", "v3"))
    catalog.parts.name(COLLECTION, 0, [part("e0", 0, 1), part("e2", 2), part("other", 3, fingerprint="f2")])
    found = catalog.parts.latest_for([id_of("a"), id_of("b"), id_of("never")], "chunks", "f1")
    assert found == {id_of("a"): FoundPart(arrival=2, file="e2"), id_of("b"): FoundPart(arrival=1, file="e0")}


def test_folding_leaves_arrivals_alone_that_another_run_named_meanwhile(catalog: Catalog) -> None:
    record(catalog, present("a"), present("b"), present("c"))
    catalog.parts.name(COLLECTION, 0, [part("c1", 0), part("c2", 1, 2)])
    catalog.parts.name(COLLECTION, 0, [part("newer", 2)])
    assert catalog.parts.replace(COLLECTION, 0, ["c1", "c2"], part("folded", 0, 1, 2)) == 2
    assert catalog.parts.files(COLLECTION, 0, "chunks", "f1") == {0: "folded", 1: "folded", 2: "newer"}
    assert sorted(garbage(catalog)) == ["c1", "c2"]


def test_a_file_with_rows_that_count_no_more_is_to_be_folded(catalog: Catalog) -> None:
    def to_fold(*, dead_days: float = 0) -> tuple[tuple[str, str], ...]:
        return catalog.retention.forget(COLLECTION, 0, keep_days=90, dead_days=dead_days).to_fold

    record(catalog, present("a"), present("b"))
    catalog.parts.name(COLLECTION, 0, [part("c1", 0, 1), part("e1", 0, 1, asset="embeddings")])
    assert to_fold() == ()
    catalog.parts.name(COLLECTION, 0, [part("newer", 1)])
    assert (to_fold(), to_fold(dead_days=7)) == ((("chunks", "f1"),), ())
    catalog.parts.name(COLLECTION, 0, [part("newest", 1)])
    assert catalog.parts.replace(COLLECTION, 0, ["c1", "newer"], part("folded", 0, 1)) == 1
    assert to_fold() == (("chunks", "f1"),), "a fold that wrote more than counted when it was named is a file like any"
    catalog.parts.replace(COLLECTION, 0, ["folded", "newest"], part("anew", 0, 1))
    assert to_fold() == ()


def test_full_block_without_newest_arrivals_is_retired(catalog: Catalog, url: str) -> None:
    record(catalog, *(present(f"k{i}") for i in range(LIMITS.size)))
    first = take(catalog)
    for number in range(LIMITS.size):
        index(catalog, first, number, f"k{number}")
    catalog.parts.name(COLLECTION, 0, [part("c0", 0, 1, 2, 3)])
    assert catalog.parts.retirable(COLLECTION) == []
    record(catalog, *(present(f"k{i}", "v2") for i in range(LIMITS.size)))
    assert catalog.parts.retirable(COLLECTION) == [], "its text still answers"
    second = take(catalog, 1)
    for number in range(LIMITS.size):
        index(catalog, second, LIMITS.size + number, f"k{number}")
    assert catalog.parts.retirable(COLLECTION) == [0]
    expire_leases(url)
    assert catalog.parts.retire(COLLECTION, 0) == ["c0"]
    assert garbage(catalog) == ["c0"]
    assert catalog.parts.retirable(COLLECTION) == []
    assert [block.is_retired for block in catalog.queries.blocks(COLLECTION)] == [True, False]


def test_block_that_a_run_works_on_is_not_retired(catalog: Catalog) -> None:
    record(catalog, present("a"))
    take(catalog)
    with pytest.raises(InvalidRequest):
        catalog.parts.retire(COLLECTION, 0)
