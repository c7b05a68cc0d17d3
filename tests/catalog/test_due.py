"""Due work: retries, quarantine, superseding, making settled work due again."""

import pytest

from rag_core.arrivals import ArrivalState
from rag_core.errors import DocumentRejected, DocumentUnavailable, QuarantineKind
from rag_core.retrying import RetryDelays, is_exhausted
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import ClaimLost, DueFilter, ProcessingSpec
from tests.catalog.observing import (
    COLLECTION,
    INDEX,
    SOURCE,
    SPEC,
    expire_leases,
    index,
    present,
    record,
    reject,
    rows,
    states,
    take,
)

REJECTED = DocumentRejected(QuarantineKind.PASSWORD_REQUIRED, "It needs a password.", remedy="Name its secret.")
AWAY = DocumentUnavailable("503 from the store.", remedy="")


def test_delays_grow_to_their_bound_and_spread() -> None:
    delays = RetryDelays(first_s=5, factor=3, longest_s=100, spread=0.2)
    assert [delays.after(n) for n in (1, 2, 3, 4, 5, 500)] == [5, 15, 45, 100, 100, 100]
    assert (delays.after(1, chance=0.0), delays.after(1, chance=1.0)) == (4.0, 6.0)
    with pytest.raises(ValueError, match="from 1"):
        delays.after(0)
    assert (is_exhausted(2, 3), is_exhausted(3, 3)) == (False, True)


def test_retry_is_due_only_when_its_time_has_come(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    catalog.due.begin(claim, [0])
    assert catalog.due.retry_later(claim, 0, AWAY, max_attempts=3) is None
    assert catalog.due.arrivals(claim, limit=10) == []
    assert catalog.due.begin(claim, [0]) == []
    catalog.claims.release(claim)
    assert not catalog.due.has_work(COLLECTION)
    rows(url, "UPDATE arrivals SET due_at = now()")  # what waiting would do
    assert catalog.due.has_work(COLLECTION)
    (due,) = catalog.due.arrivals(take(catalog), limit=10)
    assert (due.arrival.state, due.arrival.attempts) == ("retrying", 1)
    document = catalog.queries.document(due.arrival.document_id)
    assert document is not None
    assert document.reason is not None
    assert "503" in document.reason.message


def test_exhausted_attempts_end_in_quarantine_with_the_last_reason(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    tried = []
    for _ in range(3):
        rows(url, "UPDATE arrivals SET due_at = now()")
        catalog.due.begin(claim, [0])
        tried.append(catalog.due.retry_later(claim, 0, AWAY, max_attempts=3))
    assert tried[:2] == [None, None]
    rejected = tried[2]
    assert rejected is not None
    assert states(url) == {0: "processing"}, "nothing is settled yet"
    reject(catalog, claim, 0, "a", rejected)
    (failure,) = catalog.queries.failures(COLLECTION)
    assert failure.kind == QuarantineKind.ATTEMPTS_EXHAUSTED
    assert "503" in failure.message


def test_given_back_work_has_spent_no_attempt_and_is_due_at_once(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    catalog.due.begin(claim, [0])
    catalog.due.give_back(claim, [0])
    assert rows(url, "SELECT state, attempts, due_at <= now() FROM arrivals") == [("pending", 0, True)]


def test_run_that_is_not_its_owner_settles_nothing(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    old = take(catalog, run_id="old")
    catalog.due.begin(old, [0])
    expire_leases(url)
    new = take(catalog, run_id="new")
    catalog.due.begin(new, [0])
    with pytest.raises(ClaimLost):
        reject(catalog, old, 0, "a", REJECTED)
    with pytest.raises(ClaimLost):
        catalog.due.retry_later(old, 0, AWAY, max_attempts=3)
    catalog.due.give_back(old, [0])
    assert catalog.due.supersede(old, [0]) == 0
    assert states(url) == {0: "processing"}


def test_older_arrivals_of_a_document_are_superseded_by_a_newer_one(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"), present("a", "v2"), present("b"))
    claim = take(catalog)
    due = catalog.due.arrivals(claim, limit=10)
    assert [found.newer_known for found in due] == [True, False, False]
    assert catalog.due.supersede(claim, [0, 1, 2]) == 1
    assert states(url) == {0: "superseded", 1: "pending", 2: "pending"}


def test_newer_one_that_failed_for_good_keeps_its_place(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"), present("a", "v2"))
    claim = take(catalog)
    catalog.due.begin(claim, [1])
    reject(catalog, claim, 1, "a", REJECTED)
    assert [found.newer_known for found in catalog.due.arrivals(claim, limit=10)] == [True]
    assert catalog.due.supersede(claim, [0]) == 1, "reading the object again would give what failed"


def test_reconciling_begins_settled_arrivals_that_are_newest(catalog: Catalog) -> None:
    record(catalog, present("a"), present("b"), present("a", "v2"))
    claim = take(catalog)
    catalog.due.supersede(claim, [0])
    index(catalog, claim, 1, "b")
    newest = catalog.due.newest_in_block(COLLECTION, 0)
    assert [found.arrival.number for found in newest] == [1, 2]
    assert catalog.due.begin(claim, [1]) == []
    assert catalog.due.begin(claim, [1, 2], reconcile=True) == [1, 2]


def test_person_makes_failures_due_again_by_kind_and_prefix(catalog: Catalog, url: str) -> None:
    record(catalog, present("x/a"), present("x/b"), present("y/c"))
    claim = take(catalog)
    catalog.due.begin(claim, [0, 1, 2])
    reject(catalog, claim, 0, "x/a", REJECTED)
    reject(catalog, claim, 1, "x/b", DocumentRejected(QuarantineKind.NO_TEXT, "No text.", remedy="OCR."))
    reject(catalog, claim, 2, "y/c", REJECTED)
    which = DueFilter(kinds=frozenset({QuarantineKind.PASSWORD_REQUIRED}), prefix="file:///x/")
    assert catalog.due.make_due(COLLECTION, which, reason="rag retry") == 1
    assert states(url) == {0: "pending", 1: "quarantined", 2: "quarantined"}
    assert catalog.due.make_due(COLLECTION, [1, 2, 99], reason="rag retry") == 2
    assert rows(url, "SELECT DISTINCT state, attempts, due_reason FROM arrivals") == [("pending", 0, "rag retry")]


def test_only_newest_arrivals_are_made_due_again(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    index(catalog, claim, 0, "a")
    record(catalog, present("a", "v2"))
    everything = DueFilter(states=frozenset(ArrivalState))
    assert catalog.due.make_due(COLLECTION, everything, reason="all") == 1
    assert states(url) == {0: "indexed", 1: "pending"}


def test_changed_spec_makes_documents_due_once_and_in_bounded_batches(catalog: Catalog, url: str) -> None:
    record(catalog, *(present(f"k{i}") for i in range(4)))
    claim = take(catalog)
    for number in range(3):
        index(catalog, claim, number, f"k{number}")
    catalog.due.begin(claim, [3])
    reject(catalog, claim, 3, "k3", REJECTED)
    again = catalog.due.make_due_where_spec_differs
    assert again(COLLECTION, INDEX, SPEC) == 0
    newer = ProcessingSpec(parser_versions=frozenset({"text/1", "pdf/2"}), chunking="c2", metadata_rules={SOURCE: "m1"})
    assert [again(COLLECTION, INDEX, newer, limit=2) for _ in range(3)] == [2, 2, 0]
    assert set(states(url).values()) == {"pending"}
    catalog.due.begin(claim, [0, 3])
    reject(catalog, claim, 0, "k0", REJECTED, tried_spec=newer.fingerprint_of(SOURCE))
    reject(catalog, claim, 3, "k3", REJECTED, tried_spec=newer.fingerprint_of(SOURCE))
    assert again(COLLECTION, INDEX, newer) == 0, "what failed under this spec is not asked for again"
    other = ProcessingSpec(parser_versions=frozenset({"text/2"}), chunking="c1", metadata_rules={SOURCE: "m1"})
    assert again(COLLECTION, INDEX, other) == 4


def test_added_parser_leaves_documents_of_unchanged_parsers_alone(catalog: Catalog) -> None:
    record(catalog, present("a"))
    index(catalog, take(catalog), 0, "a")
    more = ProcessingSpec(parser_versions=frozenset({"text/1", "docx/1"}), chunking="c1", metadata_rules={SOURCE: "m1"})
    assert catalog.due.make_due_where_spec_differs(COLLECTION, INDEX, more) == 0
