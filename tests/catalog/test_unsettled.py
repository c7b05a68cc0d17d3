"""What a run gives back: put back as it was, looked at later and later, and the history of what failed."""

from uuid import UUID

import pytest

from rag_core.errors import DocumentRejected, DocumentUnavailable, QuarantineKind
from resources.clients.catalog import Catalog
from resources.clients.catalog.failures import KEPT
from resources.clients.catalog.values import Claim
from tests.catalog.observing import (
    COLLECTION,
    INDEX,
    SPEC,
    all_dead,
    claim_of,
    expire_leases,
    id_of,
    index,
    present,
    record,
    reject,
    rows,
    states,
    take,
)
from tests.catalog.test_writing import write

REJECTED = DocumentRejected(QuarantineKind.NO_TEXT, "There is no \0 text in it.", remedy="Run OCR.")
AWAY = DocumentUnavailable("503 from the store.", remedy="")
WAITS = "SELECT round(extract(epoch FROM due_at - changed_at)) FROM arrivals ORDER BY number"


def put_back(catalog: Catalog, claim: Claim, *, delay_s: float = 60) -> None:
    catalog.due.put_back(claim, catalog.due.newest_in_block(COLLECTION, 0), delay_s=delay_s)


def test_settled_arrivals_are_put_back_settled_and_due_ones_due(catalog: Catalog, url: str) -> None:
    record(catalog, present("indexed"), present("broken"), present("due"))
    first = take(catalog, run_id="first")
    index(catalog, first, 0, "indexed")
    catalog.due.begin(first, [1])
    reject(catalog, first, 1, "broken", REJECTED)
    seen = (
        "SELECT number, state, attempts, run_id, tried_spec, reason, changed_at, due_at FROM arrivals ORDER BY number"
    )
    before = rows(url, seen)
    catalog.claims.release(first)
    claim = take(catalog, run_id="backfill")
    assert catalog.due.begin(claim, [0, 1, 2], reconcile=True, spec=SPEC) == [0, 1, 2]
    put_back(catalog, claim)
    after = rows(url, seen)
    assert after[:2] == before[:2]
    assert after[2][:3] == (2, "pending", 0)
    assert rows(url, "SELECT due_at > now() FROM arrivals WHERE number = 2") == [(True,)]
    assert rows(url, "SELECT count(*) FROM arrivals WHERE before IS NOT NULL") == [(0,)]


def test_put_back_keeps_what_was_found_meanwhile(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    index(catalog, take(catalog, run_id="dead"), 0, "a")
    with (
        pytest.raises(ZeroDivisionError),
        catalog.writing.documents(claim_of("dead"), INDEX, write(0)),
    ):
        _ = 1 / 0
    expire_leases(url)
    claim = take(catalog, run_id="backfill")
    catalog.due.begin(claim, [0], reconcile=True)
    assert catalog.claims.sweep_dead(lambda run_id: run_id == "dead").orphans == 1
    put_back(catalog, claim, delay_s=0)
    (due,) = catalog.due.arrivals(claim, limit=10)
    assert (due.arrival.state, due.reconcile) == ("indexed", True)


def test_put_back_leaves_what_is_another_runs_alone(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    old = take(catalog, run_id="old")
    catalog.due.begin(old, [0])
    expire_leases(url)
    catalog.due.begin(take(catalog, run_id="new"), [0])
    put_back(catalog, old)
    assert states(url) == {0: "processing"}


def test_object_that_changes_all_the_time_is_looked_at_less_and_less_often(catalog: Catalog, url: str) -> None:
    record(catalog, present("log"))
    claim = take(catalog)
    waited: list[int] = []
    for turn in range(12):
        rows(url, "UPDATE arrivals SET due_at = now()")
        catalog.due.begin(claim, [0])
        if turn % 2:
            catalog.due.stay_due(claim, [0])
        else:
            with catalog.writing.documents(claim, INDEX, write(0, "log")) as writing:
                writing.stay_due(id_of("log"))
        waited.append(int(rows(url, WAITS)[0][0]))
    assert waited == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    assert rows(url, "SELECT attempts FROM arrivals") == [(0,)]


def test_newly_recorded_version_of_it_inherits_the_delay_and_success_ends_it(catalog: Catalog, url: str) -> None:
    record(catalog, present("log"))
    claim = take(catalog)
    for _ in range(3):
        rows(url, "UPDATE arrivals SET due_at = now()")
        catalog.due.begin(claim, [0])
        catalog.due.stay_due(claim, [0])
    record(catalog, present("log", "v2"), present("log", "v3"))
    assert catalog.due.supersede(claim, [0, 1]) == 2
    catalog.due.begin(claim, [2])
    catalog.due.stay_due(claim, [2])
    assert int(rows(url, WAITS)[2][0]) == 8
    rows(url, "UPDATE arrivals SET due_at = now() WHERE number = 2")
    index(catalog, claim, 2, "log")
    record(catalog, present("log", "v4"))
    catalog.due.begin(claim, [3])
    catalog.due.stay_due(claim, [3])
    assert int(rows(url, WAITS)[3][0]) == 1


def test_explicit_delay_does_not_grow(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    for _ in range(2):
        rows(url, "UPDATE arrivals SET due_at = now()")
        catalog.due.begin(claim, [0])
        catalog.due.stay_due(claim, [0], delay_s=300)
    assert int(rows(url, WAITS)[0][0]) == 300
    assert rows(url, "SELECT stays FROM arrivals") == [(0,)]


def test_attempts_begin_again_after_a_success(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    for _ in range(2):
        rows(url, "UPDATE arrivals SET due_at = now()")
        catalog.due.begin(claim, [0])
        assert catalog.due.retry_later(claim, 0, AWAY, max_attempts=3) is None
    rows(url, "UPDATE arrivals SET due_at = now()")
    index(catalog, claim, 0, "a")
    assert rows(url, "SELECT state, attempts FROM arrivals") == [("indexed", 0)]


def test_history_tells_every_failure_newest_first(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    claim = take(catalog, run_id="one")
    catalog.due.begin(claim, [0])
    catalog.due.retry_later(claim, 0, AWAY, max_attempts=3)
    rows(url, "UPDATE arrivals SET due_at = now()")
    catalog.due.begin(claim, [0])
    expire_leases(url)
    catalog.claims.sweep_dead(all_dead)
    claim = take(catalog, run_id="two")
    catalog.due.begin(claim, [0])
    reject(catalog, claim, 0, "a", REJECTED)
    found = [(each.kind, each.run_id, each.arrival) for each in catalog.queries.failures_of(id_of("a"))]
    assert found == [("no-text", "two", 0), ("transient", "one", 0), ("transient", "one", 0)]
    assert catalog.queries.failures_of(id_of("a"))[0].message == "There is no   text in it."
    assert catalog.queries.failures_of(UUID(int=0)) == []


def test_history_is_bounded_for_each_document(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"), present("b"))
    claim = take(catalog)
    catalog.due.begin(claim, [1])
    catalog.due.retry_later(claim, 1, AWAY, max_attempts=99)
    for _ in range(KEPT + 3):
        rows(url, "UPDATE arrivals SET due_at = now() WHERE number = 0")
        catalog.due.begin(claim, [0])
        catalog.due.retry_later(claim, 0, AWAY, max_attempts=99)
    assert rows(url, "SELECT arrival, count(*) FROM failures GROUP BY arrival ORDER BY arrival") == [(0, KEPT), (1, 1)]


def test_failure_that_is_rolled_back_leaves_no_history(catalog: Catalog) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    catalog.due.begin(claim, [0])
    with (  # noqa: PT012 - the whole block is what fails
        pytest.raises(ZeroDivisionError),
        catalog.writing.documents(claim, INDEX, write(0)) as writing,
    ):
        writing.quarantined(id_of("a"), REJECTED, tried_spec="s", removed=False)
        _ = 1 / 0
    assert catalog.queries.failures_of(id_of("a")) == []


def test_document_of_a_source_that_stays_away_is_looked_at_less_and_less_often(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    waited: list[int] = []
    for _ in range(6):
        rows(url, "UPDATE arrivals SET due_at = now()")
        [task] = catalog.due.arrivals(claim, limit=1)
        catalog.due.begin(claim, [0])
        catalog.due.put_back(claim, [task], delay_s=30, longest_s=300)
        waited.append(int(rows(url, WAITS.replace("changed_at", "now()"))[0][0]))
    assert waited == [30, 60, 120, 240, 300, 300]
    assert rows(url, "SELECT attempts, stays FROM arrivals") == [(0, 4)], (
        "what changes while it is read waits by it, too"
    )
