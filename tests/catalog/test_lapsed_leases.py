"""A lapsed lease is no crash: only a run known dead, or silent while the database answered, loses its claim."""

import threading

import psycopg
import pytest

from resources.clients.catalog import Catalog, open_catalog
from resources.clients.catalog.values import Claim, ClaimLost, HeldBy
from tests.catalog.observing import (
    COLLECTION,
    all_dead,
    expire_leases,
    id_of,
    index,
    lapse_leases,
    none_dead,
    outcome,
    present,
    record,
    rows,
    states,
    take,
)
from tests.catalog.test_writing import REJECTED, waiting_for_locks, write
from tests.services.loopback import wait_until

ARRIVAL = "SELECT state, crashes, attempts FROM arrivals"


def request(catalog: Catalog) -> list[Claim]:
    return catalog.claims.request(COLLECTION, limit=10, launch_grace_s=60)


def test_run_that_outlived_an_outage_goes_on_as_if_nothing_had_been(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"), present("b"))
    claim = take(catalog, run_id="survivor")
    catalog.due.begin(claim, [0])
    lapse_leases(url)
    assert catalog.claims.sweep_dead(none_dead).runs == 0
    assert request(catalog) == []
    assert isinstance(catalog.claims.take(COLLECTION, 0, run_id="other", lease_s=60), HeldBy)
    assert catalog.claims.renew(claim, lease_s=60)
    index(catalog, claim, 1, "b")
    with catalog.writing.documents(claim, "papers--0123", write(0)) as writing:
        writing.indexed(id_of("a"), outcome())
    assert rows(url, "SELECT DISTINCT state, crashes FROM arrivals") == [("indexed", 0)]
    assert rows(url, "SELECT lapsed_at FROM claims") == [(None,)]


def test_grace_begins_when_the_lapse_is_seen_not_when_the_lease_ended(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    catalog.due.begin(claim, [0])
    lapse_leases(url)
    for _ in range(2):
        assert catalog.claims.sweep_dead(none_dead).runs == 0
    rows(url, "UPDATE claims SET lapsed_at = lapsed_at - interval '170 seconds'")
    assert catalog.claims.sweep_dead(none_dead).runs == 0
    rows(url, "UPDATE claims SET lapsed_at = lapsed_at - interval '11 seconds'")
    swept = catalog.claims.sweep_dead(none_dead)
    assert (swept.runs, swept.due_again) == (1, 1)
    assert rows(url, ARRIVAL) == [("pending", 1, 1)]
    assert not catalog.claims.renew(claim, lease_s=60)


def test_run_known_dead_loses_its_lapsed_claim_at_once_but_never_a_live_one(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    catalog.due.begin(take(catalog), [0])
    assert catalog.claims.sweep_dead(all_dead).runs == 0
    lapse_leases(url)
    assert catalog.claims.sweep_dead(all_dead).due_again == 1
    assert [claim.number for claim in request(catalog)] == [1]


def test_backfill_that_waits_takes_over_a_silent_run_without_any_sensor(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    catalog.due.begin(take(catalog, run_id="silent"), [0])
    lapse_leases(url)
    assert isinstance(catalog.claims.take(COLLECTION, 0, run_id="heir", lease_s=60), HeldBy)
    rows(url, "UPDATE claims SET lapsed_at = lapsed_at - interval '181 seconds'")
    heir = take(catalog, run_id="heir")
    (due,) = catalog.due.arrivals(heir, limit=10)
    assert due.arrival.crashes == 1


def test_sweep_that_looked_before_an_heir_began_takes_nothing_from_the_heir(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    catalog.due.begin(take(catalog, run_id="dead"), [0])
    expire_leases(url)
    swept: list[int] = []

    def sweep() -> None:
        with open_catalog(url) as mine:
            swept.append(mine.claims.sweep_dead(all_dead).due_again)

    thread = threading.Thread(target=sweep)
    with psycopg.connect(url) as holder:  # the arrival's lock, so that the sweep has looked and cannot go on
        holder.execute("SELECT 1 FROM arrivals FOR UPDATE")
        thread.start()
        wait_until(lambda: waiting_for_locks(url) == 1, what="the sweep to wait")
        holder.execute("UPDATE claims SET run_id = 'heir', number = 1, state = 'running', lease_until = now() + '1 h'")
        holder.execute("UPDATE arrivals SET run_id = 'heir', claim = 1")
    thread.join(timeout=30)
    assert swept == [0]
    assert rows(url, ARRIVAL) == [("processing", 0, 1)]


def test_unexpected_failure_counts_a_crash_and_at_last_quarantines_the_one_that_was_alone(
    catalog: Catalog, url: str
) -> None:
    record(catalog, present("a"), present("cause"))
    for run in range(2):
        claim = take(catalog, run_id=f"run-{run}")
        assert catalog.due.begin(claim, [0, 1]) == [0, 1]
        catalog.claims.fail(claim, "ValueError: \0 odd", wait_s=60)
    assert rows(url, "SELECT DISTINCT state, crashes FROM arrivals") == [("pending", 2)]
    claim = take(catalog, run_id="run-2")
    assert [due.alone for due in catalog.due.arrivals(claim, limit=10)] == [True, True]
    index(catalog, claim, 0, "a")
    catalog.due.begin(claim, [1])
    catalog.claims.fail(claim, "ValueError: \0 odd", wait_s=60)
    assert rows(url, "SELECT state, crashes FROM arrivals ORDER BY number") == [("indexed", 0), ("quarantined", 3)]
    (failure,) = catalog.queries.failures(COLLECTION)
    assert failure.kind == "crashed"
    assert "ValueError" in failure.message
    (due,) = catalog.due.arrivals(take(catalog, run_id="writer"), limit=10)
    assert (due.arrival.state, due.reconcile) == ("quarantined", True), "rights and removal take effect by the writer"


def test_release_without_a_failure_counts_none(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    catalog.due.begin(claim, [0])
    catalog.claims.release(claim)
    assert rows(url, ARRIVAL) == [("pending", 0, 1)]


def test_crashed_one_whose_reconciliation_fails_too_comes_back_later_each_time(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    rows(url, "UPDATE arrivals SET crashes = 2")
    for number in range(3):
        claim = take(catalog, run_id=f"run-{number}")
        rows(url, "UPDATE arrivals SET due_at = now()")
        assert catalog.due.begin(claim, [0]) == [0]
        catalog.claims.fail(claim, "boom", wait_s=60)
    ((state, crashes, waits),) = rows(url, "SELECT state, crashes, due_at > now() + interval '1 minute' FROM arrivals")
    assert (state, crashes, waits) == ("quarantined", 5, True)


@pytest.mark.parametrize("failing", [True, False])
def test_failure_of_an_arrival_that_has_moved_on_is_refused_and_written_text_is_not(
    catalog: Catalog, url: str, *, failing: bool
) -> None:
    record(catalog, present("a"))
    slow = take(catalog, run_id="slow")
    catalog.due.begin(slow, [0])
    expire_leases(url)
    heir = take(catalog, run_id="heir")
    catalog.due.begin(heir, [0])
    if failing:
        for settle in ("quarantined", "stay_due"):
            with (  # noqa: PT012 - the end of the block is what fails
                pytest.raises(ClaimLost),
                catalog.writing.documents(slow, "papers--0123", write(0)) as writing,
            ):
                if settle == "quarantined":
                    writing.quarantined(id_of("a"), REJECTED, tried_spec="s", removed=True)
                else:
                    writing.stay_due(id_of("a"))
        assert states(url) == {0: "processing"}
        assert len(catalog.queries.open_intents(COLLECTION)) == 2
        assert catalog.queries.failures_of(id_of("a"))[0].kind == "transient", "the crash, and no quarantine"
    else:
        with catalog.writing.documents(slow, "papers--0123", write(0)) as writing:
            writing.indexed(id_of("a"), outcome())
        assert states(url) == {0: "indexed"}


def test_failure_that_no_document_can_have_caused_keeps_the_block_alone_for_a_while(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    catalog.claims.fail(claim, "PermissionError", wait_s=60)
    assert rows(url, ARRIVAL) == [("pending", 0, 0)]
    assert catalog.claims.request(COLLECTION, limit=10, launch_grace_s=60) == []
    expire_leases(url)
    assert catalog.claims.sweep_dead(lambda _: True).runs == 1
    assert len(catalog.claims.request(COLLECTION, limit=10, launch_grace_s=60)) == 1
