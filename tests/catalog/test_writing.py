"""Newest wins, under a lock: intents, lost sessions, two runs on one document, kill -9 half way."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from rag_core.errors import DependencyUnavailable, DocumentRejected, DocumentUnavailable, InvalidRequest, QuarantineKind
from resources.clients.catalog import Catalog, open_catalog
from resources.clients.catalog.database import Database
from resources.clients.catalog.values import DueArrival, WriteRequest
from resources.clients.catalog.writing import Writing
from tests.catalog.observing import (
    COLLECTION,
    INDEX,
    TRIED,
    all_dead,
    claim_of,
    expire_leases,
    gone,
    id_of,
    index,
    none_dead,
    outcome,
    present,
    record,
    reject,
    rows,
    states,
    take,
)
from tests.services.loopback import wait_until

REJECTED = DocumentRejected(QuarantineKind.NO_TEXT, "There is no text in it.", remedy="Run OCR.")


def write(number: int, key: str = "a") -> list[WriteRequest]:
    return [WriteRequest(arrival=number, document_id=id_of(key))]


def due(catalog: Catalog, run_id: str = "next") -> list[DueArrival]:
    claim = take(catalog, run_id=run_id)
    try:
        return catalog.due.arrivals(claim, limit=100)
    finally:
        catalog.claims.release(claim)


def test_outcome_intent_and_state_are_written_together(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    catalog.due.begin(claim, [0])
    with catalog.writing.documents(claim, INDEX, write(0)) as writing:
        head = writing.head(id_of("a"))
        assert (head.newer_known, head.place, head.indexed_arrival, head.orphans) == (False, None, None, False)
        assert rows(url, "SELECT arrival, run_id FROM intents") == [(0, "run-a")], "committed before the work"
        assert states(url) == {0: "processing"}
        writing.indexed(id_of("a"), outcome("etag-1"))
    assert states(url) == {0: "indexed"}
    assert rows(url, "SELECT count(*) FROM intents") == [(0,)]
    document = catalog.queries.document(id_of("a"))
    assert document is not None
    assert (document.indexed_arrival, document.indexed_version, document.indexed_run) == (0, "etag-1", "run-a")


def test_unchanged_keeps_who_made_it_and_says_who_confirmed_it(catalog: Catalog) -> None:
    record(catalog, present("a"))
    index(catalog, take(catalog), 0, "a")
    record(catalog, present("a", "touched"))
    claim = take(catalog)
    catalog.due.begin(claim, [1])
    with catalog.writing.documents(claim_of("run-b"), INDEX, write(1)) as writing:
        writing.unchanged(id_of("a"), outcome("touched"))
    document = catalog.queries.document(id_of("a"))
    assert document is not None
    assert (document.indexed_arrival, document.indexed_run) == (0, "run-a")
    assert (document.confirmed_arrival, document.confirmed_run, document.state) == (1, "run-b", "unchanged")


def test_older_arrival_cannot_be_written_over_a_newer_one(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    catalog.due.begin(claim, [0])
    record(catalog, present("a", "v2"))
    with catalog.writing.documents(claim, INDEX, write(0)) as writing:
        assert writing.head(id_of("a")).newer_known
        with pytest.raises(InvalidRequest, match="supersede"):
            writing.indexed(id_of("a"), outcome())
        writing.superseded(id_of("a"))
    assert states(url) == {0: "superseded", 1: "pending"}


def test_tombstone_keeps_a_late_older_version_out(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"), present("a", "v2"), gone("a"))
    claim = take(catalog)
    catalog.due.begin(claim, [2])
    with catalog.writing.documents(claim, INDEX, write(2)) as writing:
        writing.deleted(id_of("a"))
    rows(url, "DELETE FROM arrivals WHERE number > 1")  # even if only the tombstone remembers
    catalog.due.begin(claim, [1])
    with catalog.writing.documents(claim, INDEX, write(1)) as writing:
        head = writing.head(id_of("a"))
        assert (head.is_tombstone, head.newer_known, head.place) == (True, True, 2)
        writing.superseded(id_of("a"))


def test_re_added_document_is_no_tombstone_any_more(catalog: Catalog) -> None:
    record(catalog, gone("a"), present("a"), gone("a"), present("a"))
    claim = take(catalog)
    catalog.due.begin(claim, [1])
    with catalog.writing.documents(claim, INDEX, write(1)) as writing:
        assert writing.head(id_of("a")).newer_known
        writing.superseded(id_of("a"))
    index(catalog, claim, 2, "a")
    document = catalog.queries.document(id_of("a"))
    assert document is not None
    assert document.indexed_arrival == 2


def test_newest_that_failed_for_good_leaves_the_last_good_one_answering(catalog: Catalog) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    index(catalog, claim, 0, "a")
    record(catalog, present("a", "v2"))
    catalog.due.begin(claim, [1])
    reject(catalog, claim, 1, "a", REJECTED)
    (stale,) = catalog.queries.stale_documents(COLLECTION)
    assert stale.stale is not None
    assert (stale.indexed_arrival, stale.newest_arrival, stale.stale.kind) == (0, 1, "no-text")
    record(catalog, present("a", "v3"))
    index(catalog, claim, 2, "a")
    assert catalog.queries.stale_documents(COLLECTION) == []


def test_quarantine_may_remove_the_last_good_one(catalog: Catalog) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    index(catalog, claim, 0, "a")
    record(catalog, present("a", "v2"))
    catalog.due.begin(claim, [1])
    with catalog.writing.documents(claim, INDEX, write(1)) as writing:
        writing.quarantined(id_of("a"), REJECTED, tried_spec=TRIED, removed=True)
    document = catalog.queries.document(id_of("a"))
    assert document is not None
    assert (document.state, document.indexed_arrival, document.stale) == ("quarantined", None, None)


def test_object_that_changed_while_read_stays_due_without_an_attempt_spent(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    catalog.due.begin(claim, [0])
    with catalog.writing.documents(claim, INDEX, write(0)) as writing:
        writing.stay_due(id_of("a"), delay_s=0)
    assert rows(url, "SELECT state, attempts, due_at IS NOT NULL FROM arrivals") == [("pending", 0, True)]
    assert catalog.queries.open_intents(COLLECTION) == []


def test_exception_rolls_back_and_leaves_the_intent_open(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    catalog.due.begin(claim, [0])
    with (  # noqa: PT012 - the whole block is what fails
        pytest.raises(DependencyUnavailable, match="index"),
        catalog.writing.documents(claim, INDEX, write(0)) as writing,
    ):
        writing.indexed(id_of("a"), outcome())
        raise DependencyUnavailable("The index is away.", dependency="index")
    catalog.due.give_back(claim, [0])
    assert rows(url, "SELECT state, attempts FROM arrivals") == [("pending", 0)]
    assert len(catalog.queries.open_intents(COLLECTION)) == 1


def test_forgotten_outcome_is_refused_and_nothing_is_recorded(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"), present("b"))
    claim = take(catalog)
    catalog.due.begin(claim, [0, 1])
    with (
        pytest.raises(InvalidRequest, match="No outcome"),
        catalog.writing.documents(claim, INDEX, [*write(0), *write(1, "b")]) as writing,
    ):
        writing.indexed(id_of("a"), outcome())
    assert states(url) == {0: "processing", 1: "processing"}


def test_lost_session_records_no_outcome_and_its_document_is_reconciled(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    claim = take(catalog, run_id="loser")
    catalog.due.begin(claim, [0])
    with (  # noqa: PT012 - the whole block is what fails
        pytest.raises(DependencyUnavailable),
        catalog.writing.documents(claim, INDEX, write(0)) as writing,
    ):
        _terminate_writers(url)
        writing.indexed(id_of("a"), outcome())
    assert states(url) == {0: "processing"}
    expire_leases(url)
    assert catalog.claims.sweep_dead(none_dead).orphans == 0, "it might still write"
    assert [found.reconcile for found in due(catalog)] == [False]
    assert catalog.claims.sweep_dead(all_dead).orphans == 1
    (found,) = due(catalog)
    assert (found.arrival.number, found.reconcile) == (0, True)


def test_late_write_of_a_lost_run_is_healed_after_another_run_has_indexed(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    loser = take(catalog, run_id="loser")
    catalog.due.begin(loser, [0])
    with (  # noqa: PT012 - the whole block is what fails
        pytest.raises(DependencyUnavailable),
        catalog.writing.documents(loser, INDEX, write(0)) as writing,
    ):
        _terminate_writers(url)
        record(catalog, present("a", "v2"))
        expire_leases(url)
        heir = take(catalog, run_id="heir")
        assert catalog.due.supersede(heir, [0]) == 1
        index(catalog, heir, 1, "a", version="v2")
        writing.indexed(id_of("a"), outcome("late"))  # and by now the loser has written old points
    catalog.claims.release(heir)
    assert states(url) == {0: "superseded", 1: "indexed"}
    assert due(catalog) == []
    assert catalog.claims.sweep_dead(all_dead).orphans == 1
    assert states(url) == {0: "superseded", 1: "indexed"}, "users see it as it is"
    claim = take(catalog, run_id="healer")
    (found,) = catalog.due.arrivals(claim, limit=10)
    assert (found.arrival.number, found.reconcile, found.newer_known) == (1, True, False)
    catalog.due.begin(claim, [1])
    with catalog.writing.documents(claim_of("healer"), INDEX, write(1)) as writing:
        assert writing.head(id_of("a")).orphans
        writing.indexed(id_of("a"), outcome("v2"))
    assert catalog.queries.open_intents(COLLECTION) == []
    assert catalog.due.arrivals(claim, limit=10) == []


def test_orphan_that_appears_while_another_run_writes_makes_the_document_due_again(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    loser = take(catalog, run_id="loser")
    catalog.due.begin(loser, [0])
    with (  # noqa: PT012 - the whole block is what fails
        pytest.raises(DependencyUnavailable),
        catalog.writing.documents(loser, INDEX, write(0)) as writing,
    ):
        _terminate_writers(url)
        writing.indexed(id_of("a"), outcome())
    expire_leases(url)
    heir = take(catalog, run_id="heir")
    catalog.due.begin(heir, [0])
    with catalog.writing.documents(claim_of("heir"), INDEX, write(0)) as writing:
        assert not writing.head(id_of("a")).orphans
        assert catalog.claims.sweep_dead(lambda run_id: run_id == "loser").orphans == 1
        writing.indexed(id_of("a"), outcome())
    (found,) = catalog.due.arrivals(heir, limit=10)
    assert (found.arrival.state, found.reconcile) == ("indexed", True)


def test_quarantined_newest_with_an_orphan_is_due_to_restore_the_last_good_one(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    first = take(catalog, run_id="first")
    index(catalog, first, 0, "a")
    record(catalog, present("a", "v2"))
    catalog.due.begin(first, [1])
    with (
        pytest.raises(ZeroDivisionError),
        catalog.writing.documents(claim_of("first"), INDEX, write(1)),
    ):
        _ = 1 / 0
    expire_leases(url)
    catalog.claims.sweep_dead(all_dead)
    claim = take(catalog, run_id="second")
    (found,) = catalog.due.arrivals(claim, limit=10)
    assert (found.reconcile, found.indexed_arrival) == (True, 0)
    catalog.due.begin(claim, [1])
    with catalog.writing.documents(claim, INDEX, write(1)) as writing:
        assert writing.head(id_of("a")).orphans
        writing.quarantined(id_of("a"), REJECTED, tried_spec=TRIED, removed=False)
    assert catalog.due.arrivals(claim, limit=10) == []
    (stale,) = catalog.queries.stale_documents(COLLECTION)
    assert stale.indexed_arrival == 0


def test_two_runs_on_one_document_write_one_after_the_other(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    inside = threading.Event()
    order: list[str] = []

    def second() -> None:
        with open_catalog(url) as mine:
            inside.wait(timeout=30)
            with mine.writing.documents(claim_of("second"), INDEX, write(0)) as writing:
                order.append("second")
                assert writing.head(id_of("a")).indexed_version == "first"
                writing.unchanged(id_of("a"), outcome("second"))

    thread = threading.Thread(target=second)
    thread.start()
    with catalog.writing.documents(claim_of("first"), INDEX, write(0)) as writing:
        inside.set()
        wait_until(lambda: waiting_for_locks(url) == 1, what="the second run to wait")
        order.append("first")
        writing.indexed(id_of("a"), outcome("first"))
    thread.join(timeout=30)
    assert order == ["first", "second"]


def test_batches_in_opposite_orders_do_not_deadlock(catalog: Catalog, url: str) -> None:
    keys = [f"k{i}" for i in range(8)]
    record(catalog, *map(present, keys))
    barrier = threading.Barrier(2)
    errors: list[BaseException] = []

    def run(name: str, numbers: list[int]) -> None:
        try:
            with open_catalog(url) as mine:
                for _ in range(5):
                    barrier.wait(timeout=30)
                    requests = [WriteRequest(arrival=n, document_id=id_of(keys[n])) for n in numbers]
                    with mine.writing.documents(claim_of(name), INDEX, requests) as writing:
                        for n in numbers:
                            writing.indexed(id_of(keys[n]), outcome(name))
        except BaseException as error:  # noqa: BLE001 - handed to the test's thread
            errors.append(error)
            barrier.abort()

    threads = [
        threading.Thread(target=run, args=("up", list(range(8)))),
        threading.Thread(target=run, args=("down", list(reversed(range(8))))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert errors == []


def test_document_held_for_long_is_unavailable_not_an_outage(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    impatient = Database(url, lock_timeout_s=0.1)
    with catalog.writing.documents(claim_of("first"), INDEX, write(0)) as writing:
        with (
            pytest.raises(DocumentUnavailable),
            Writing(impatient).documents(claim_of("second"), INDEX, write(0)),
        ):
            pass
        writing.superseded(id_of("a"))
    impatient.close()


def test_hung_run_loses_its_lock_and_cannot_record(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    with (  # noqa: PT012 - the whole block is what fails
        pytest.raises(DependencyUnavailable),
        catalog.writing.documents(claim_of("hung"), INDEX, write(0), max_s=0.05) as writing,
    ):
        wait_until(lambda: _writers(url) == [], what="the server to end the idle session")
        writing.indexed(id_of("a"), outcome())
    assert states(url) == {0: "pending"}
    assert len(catalog.queries.open_intents(COLLECTION)) == 1


def test_process_killed_between_intent_and_outcome_leaves_its_document_to_reconcile(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    script = (
        "import sys, time\n"
        "from tests.catalog.observing import *\n"
        "from resources.clients.catalog import open_catalog\n"
        "catalog = open_catalog(sys.argv[1])\n"
        "claim = take(catalog, run_id='victim')\n"
        "catalog.due.begin(claim, [0])\n"
        "write = [WriteRequest(arrival=0, document_id=id_of('a'))]\n"
        "with catalog.writing.documents(claim, INDEX, write) as writing:\n"
        "    writing.indexed(id_of('a'), outcome())\n"
        "    print('in', flush=True)\n"
        "    time.sleep(600)\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", script, url], stdout=subprocess.PIPE, cwd=root) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"in\n"
        os.kill(victim.pid, signal.SIGKILL)
    wait_until(lambda: _writers(url) == [], what="the server to notice")
    assert states(url) == {0: "processing"}
    expire_leases(url)
    swept = catalog.claims.sweep_dead(all_dead)
    assert (swept.due_again, swept.orphans) == (1, 1)
    claim = take(catalog, run_id="heir")
    (found,) = catalog.due.arrivals(claim, limit=10)
    assert (found.reconcile, found.arrival.crashes) == (True, 1)
    index(catalog, claim, 0, "a")
    assert (states(url), catalog.queries.open_intents(COLLECTION)) == ({0: "indexed"}, [])


def _writers(url: str) -> list[int]:
    return [
        row[0]
        for row in rows(
            url,
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'",
        )
    ]


def _terminate_writers(url: str) -> None:
    for pid in _writers(url):
        rows(url, "SELECT pg_terminate_backend(%s)", [pid])
    wait_until(lambda: _writers(url) == [], what="the session to end")


def waiting_for_locks(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchall()[0][0]
