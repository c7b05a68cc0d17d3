"""Documents asked for because what makes them changed, for each source; and an index that was lost."""

from collections.abc import Mapping

from rag_core.errors import DocumentRejected, QuarantineKind
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import Claim, Outcome, ProcessingSpec, WriteRequest
from tests.catalog.observing import (
    COLLECTION,
    INDEX,
    LIMITS,
    SOURCE,
    id_of,
    index,
    outcome,
    present,
    record,
    reject,
    rows,
    states,
    take,
)
from tests.catalog.test_writing import write

REJECTED = DocumentRejected(QuarantineKind.NO_TEXT, "There is no text in it.", remedy="Run OCR.")
OTHER = "shelf"


def spec(rules: Mapping[str, str], *, chunking: str = "c1") -> ProcessingSpec:
    return ProcessingSpec(parser_versions=frozenset({"text/1"}), chunking=chunking, metadata_rules=rules)


BOTH = spec({SOURCE: "m1", OTHER: "m2"})


def of_two_sources(catalog: Catalog) -> Claim:
    """0 and 1 of one source, 2 and 3 of another; 1 and 3 quarantined."""
    record(catalog, present("a"), present("a-broken"))
    catalog.recording.record(COLLECTION, OTHER, [present("b"), present("b-broken")], limits=LIMITS)
    claim = take(catalog)
    for number, key, source, rules in ((0, "a", SOURCE, "m1"), (2, "b", OTHER, "m2")):
        catalog.due.begin(claim, [number], spec=BOTH)
        request = WriteRequest(arrival=number, document_id=id_of(key))
        with catalog.writing.documents(claim, INDEX, [request]) as writing:
            writing.indexed(id_of(key), outcome(rules=rules))
        catalog.due.begin(claim, [number + 1], spec=BOTH)
        reject(catalog, claim, number + 1, f"{key}-broken", REJECTED, tried_spec=BOTH.fingerprint_of(source))
    return claim


def test_changed_rules_of_one_source_ask_for_its_documents_alone(catalog: Catalog, url: str) -> None:
    of_two_sources(catalog)
    again = catalog.due.make_due_where_spec_differs
    assert again(COLLECTION, INDEX, BOTH) == 0
    assert again(COLLECTION, INDEX, spec({SOURCE: "m1", OTHER: "new"})) == 2
    assert states(url) == {0: "indexed", 1: "quarantined", 2: "pending", 3: "pending"}


def test_added_source_asks_for_nothing_and_a_removed_ones_documents_are_left_alone(catalog: Catalog, url: str) -> None:
    of_two_sources(catalog)
    again = catalog.due.make_due_where_spec_differs
    assert again(COLLECTION, INDEX, spec({SOURCE: "m1", OTHER: "m2", "third": "m3"})) == 0
    assert again(COLLECTION, INDEX, spec({SOURCE: "m1"})) == 0
    assert again(COLLECTION, INDEX, spec({SOURCE: "m1"}, chunking="c2")) == 2
    assert states(url) == {0: "pending", 1: "pending", 2: "indexed", 3: "quarantined"}


def test_run_that_makes_another_spec_than_was_asked_for_is_not_asked_for_ever(catalog: Catalog) -> None:
    claim = of_two_sources(catalog)
    edited = spec({SOURCE: "edited", OTHER: "m2"})
    again = catalog.due.make_due_where_spec_differs
    assert again(COLLECTION, INDEX, edited) == 2
    catalog.claims.release(claim)
    claim = take(catalog, run_id="not reloaded")
    index(catalog, claim, 0, "a")
    catalog.due.begin(claim, [1], spec=BOTH)
    reject(catalog, claim, 1, "a-broken", REJECTED, tried_spec=BOTH.fingerprint_of(SOURCE))
    assert again(COLLECTION, INDEX, edited) == 0
    assert again(COLLECTION, INDEX, spec({SOURCE: "edited again", OTHER: "m2"})) == 2


def test_run_older_than_the_question_does_not_answer_it(catalog: Catalog) -> None:
    claim = of_two_sources(catalog)
    edited = spec({SOURCE: "edited", OTHER: "m2"})
    again = catalog.due.make_due_where_spec_differs
    again(COLLECTION, INDEX, edited)
    index(catalog, claim, 0, "a")
    assert again(COLLECTION, INDEX, edited) == 1


def test_document_that_a_run_has_in_hand_is_asked_for_afterwards(catalog: Catalog, url: str) -> None:
    claim = of_two_sources(catalog)
    edited = spec({SOURCE: "m1", OTHER: "edited"})
    catalog.due.begin(claim, [2], reconcile=True)
    again = catalog.due.make_due_where_spec_differs
    assert again(COLLECTION, INDEX, edited) == 1, "the quarantined one"
    with catalog.writing.documents(claim, INDEX, write(2, "b")) as writing:
        writing.unchanged(id_of("b"), outcome(rules="m2"))
    assert again(COLLECTION, INDEX, edited) == 1
    assert states(url)[2] == "pending"


def test_row_held_by_a_writer_is_asked_for_later_and_nobody_waits(catalog: Catalog) -> None:
    claim = of_two_sources(catalog)
    edited = spec({SOURCE: "edited", OTHER: "edited too"})
    with catalog._database.transaction() as connection:
        from sqlalchemy import text

        connection.execute(
            text("SELECT 1 FROM document_indexes WHERE document_id = :id FOR UPDATE"), {"id": id_of("a")}
        )
        assert catalog.due.make_due_where_spec_differs(COLLECTION, INDEX, edited) == 3
    assert catalog.due.make_due_where_spec_differs(COLLECTION, INDEX, edited) == 1
    catalog.claims.release(claim)


def test_lost_index_makes_all_its_documents_due_and_forgets_no_good_version(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"), present("b"), present("c"))
    claim = take(catalog)
    index(catalog, claim, 0, "a")
    index(catalog, claim, 1, "b")
    record(catalog, present("b", "v2"))
    catalog.due.begin(claim, [3])
    reject(catalog, claim, 3, "b", REJECTED)
    rows(url, "UPDATE arrivals SET state = 'deleted', due_at = NULL WHERE number = 2")
    assert catalog.indexes.lost(COLLECTION, INDEX) == 2
    assert catalog.indexes.lost(COLLECTION, INDEX) == 2
    due = {found.arrival.number: found for found in catalog.due.arrivals(claim, limit=10)}
    assert {number: (str(one.arrival.state), one.reconcile) for number, one in due.items()} == {
        0: ("pending", True),
        3: ("quarantined", True),
    }
    assert due[3].indexed_arrival == 1
    assert len(catalog.queries.open_intents(COLLECTION)) == 2
    catalog.due.begin(claim, [3])
    with catalog.writing.documents(claim, INDEX, write(3, "b")) as writing:
        assert writing.head(id_of("b")).orphans, "so the last good version is compared with the index and restored"
        writing.quarantined(id_of("b"), REJECTED, tried_spec="s", removed=False)
    index(catalog, claim, 0, "a")
    assert catalog.due.arrivals(claim, limit=10) == []
    assert catalog.queries.open_intents(COLLECTION) == []


def test_document_written_while_its_index_is_lost_is_looked_at_again(catalog: Catalog) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    index(catalog, claim, 0, "a")
    record(catalog, present("a", "v2"))
    catalog.due.begin(claim, [1])
    with catalog.writing.documents(claim, INDEX, write(1)) as writing:
        assert catalog.indexes.lost(COLLECTION, INDEX) == 1
        writing.unchanged(id_of("a"), Outcome(version="v2", parser="p", chunking="c", metadata_rules="m", chunks=1))
    (due,) = catalog.due.arrivals(claim, limit=10)
    assert (due.arrival.number, due.reconcile) == (1, True)
