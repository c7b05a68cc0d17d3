"""Level-triggered, by claims: requests, leases, take-overs, suspects."""

import threading

import pytest

from rag_core.errors import InvalidRequest
from resources.clients.catalog import Catalog, open_catalog
from resources.clients.catalog.values import Claim, ClaimLost, HeldBy, Lane
from tests.catalog.observing import (
    COLLECTION,
    LIMITS,
    all_dead,
    expire_leases,
    index,
    none_dead,
    present,
    record,
    rows,
    states,
    take,
)


def request(catalog: Catalog, *, limit: int = 10, lane: Lane = Lane.BATCH) -> list[Claim]:
    return catalog.claims.request(COLLECTION, limit=limit, launch_grace_s=60, lane=lane)


def test_block_with_due_work_is_requested_once(catalog: Catalog) -> None:
    record(catalog, *(present(f"a{i}") for i in range(6)))
    assert [claim.run_key for claim in request(catalog)] == ["papers/000000/0", "papers/000001/0"]
    assert request(catalog) == []
    assert not catalog.due.has_work(COLLECTION)


def test_claim_that_was_never_launched_is_requested_again_under_another_key(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    (first,) = request(catalog)
    expire_leases(url)
    (second,) = request(catalog)
    assert (first.run_key, second.run_key) == ("papers/000000/0", "papers/000000/1")
    assert catalog.claims.start(COLLECTION, 0, 0, run_id="late", lease_s=60) is None
    assert catalog.claims.start(COLLECTION, 0, 1, run_id="run", lease_s=60) is not None


def test_request_respects_its_limit_and_takes_the_rest_next_time(catalog: Catalog) -> None:
    record(catalog, *(present(f"a{i}") for i in range(12)))
    assert [len(request(catalog, limit=2)) for _ in range(3)] == [2, 1, 0]


def test_little_fresh_work_goes_before_a_large_backlog(catalog: Catalog) -> None:
    many = (present(f"old{i:03d}") for i in range(40))
    catalog.recording.record(COLLECTION, "bulk", many, limits=LIMITS.__class__(size=20, bytes=10_000))
    record(catalog, present("fresh"), limits=LIMITS.__class__(size=20, bytes=10_000))
    assert [claim.partition for claim in request(catalog, limit=1)] == [2]
    assert [claim.partition for claim in request(catalog, limit=1)] == [0]
    assert request(catalog, lane=Lane.FRESH) == []


def test_concurrent_requests_never_take_a_block_twice(catalog: Catalog, url: str) -> None:
    record(catalog, *(present(f"a{i}") for i in range(40)))
    taken: list[int] = []
    barrier = threading.Barrier(4)

    def requester() -> None:
        with open_catalog(url) as mine:
            barrier.wait()
            for _ in range(5):
                taken.extend(claim.partition for claim in request(mine, limit=2))

    threads = [threading.Thread(target=requester) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(taken) == list(range(10))


def test_backfill_takes_over_what_was_only_requested_but_not_what_runs(catalog: Catalog) -> None:
    record(catalog, present("a"))
    (requested,) = request(catalog)
    taken = take(catalog, run_id="backfill")
    assert taken.number == requested.number + 1
    assert catalog.claims.start(COLLECTION, 0, requested.number, run_id="sensor", lease_s=60) is None
    held = catalog.claims.take(COLLECTION, 0, run_id="other", lease_s=60)
    assert isinstance(held, HeldBy)
    assert held.run_id == "backfill"


def test_released_block_is_requested_again_only_with_new_work(catalog: Catalog) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    index(catalog, claim, 0, "a")
    catalog.claims.release(claim)
    assert request(catalog) == []
    record(catalog, present("b"))
    assert [found.number for found in request(catalog)] == [claim.number + 1]


def test_run_that_lost_its_claim_notices(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    slow = take(catalog, run_id="slow")
    catalog.due.begin(slow, [0])
    expire_leases(url)
    fast = take(catalog, run_id="fast")
    assert not catalog.claims.renew(slow, lease_s=60)
    with pytest.raises(ClaimLost):
        catalog.due.begin(slow, [0])
    assert catalog.claims.renew(fast, lease_s=60)
    catalog.claims.release(slow)
    assert catalog.claims.renew(fast, lease_s=60)


def test_expired_lease_makes_its_arrivals_due_again_with_a_crash(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"), present("b"))
    claim = take(catalog)
    catalog.due.begin(claim, [0])
    assert catalog.claims.sweep_dead(none_dead).runs == 0
    expire_leases(url)
    swept = catalog.claims.sweep_dead(none_dead)
    assert (swept.runs, swept.due_again, swept.crashed) == (1, 1, 0)
    assert rows(url, "SELECT number, state, attempts, crashes FROM arrivals ORDER BY number") == [
        (0, "pending", 1, 1),
        (1, "pending", 0, 0),
    ]
    assert not catalog.claims.renew(claim, lease_s=60)
    assert [found.number for found in request(catalog)] == [1]


def test_takeover_before_any_sweep_finds_the_dead_runs_work(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    catalog.due.begin(take(catalog, run_id="dead"), [0])
    expire_leases(url)
    heir = take(catalog, run_id="heir")
    (due,) = catalog.due.arrivals(heir, limit=10)
    assert (due.arrival.number, due.arrival.crashes) == (0, 1)


def test_step_retry_of_the_same_run_gets_its_work_back_without_a_crash(catalog: Catalog) -> None:
    record(catalog, present("a"))
    (requested,) = request(catalog)
    claim = catalog.claims.start(COLLECTION, 0, requested.number, run_id="run", lease_s=60)
    assert claim is not None
    catalog.due.begin(claim, [0])
    again = catalog.claims.start(COLLECTION, 0, requested.number, run_id="run", lease_s=60)
    assert again == claim
    (due,) = catalog.due.arrivals(again, limit=10)
    assert (due.arrival.crashes, due.arrival.attempts) == (0, 1)


def test_suspects_are_processed_alone_and_quarantined_when_they_kill_again(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"), present("killer"), present("c"))
    for run in range(2):
        claim = take(catalog, run_id=f"run-{run}")
        catalog.due.begin(claim, [0, 1] if run == 0 else [1])
        expire_leases(url)
        catalog.claims.sweep_dead(all_dead)
    claim = take(catalog, run_id="run-2")
    due = catalog.due.arrivals(claim, limit=10)
    assert [(found.arrival.number, found.alone) for found in due] == [(0, False), (2, False), (1, True)]
    with pytest.raises(InvalidRequest, match="alone"):
        catalog.due.begin(claim, [0, 1])
    assert states(url) == {0: "pending", 1: "pending", 2: "pending"}
    assert catalog.due.begin(claim, [1]) == [1]
    with pytest.raises(InvalidRequest, match="alone"):
        catalog.due.begin(claim, [0])
    expire_leases(url)
    assert catalog.claims.sweep_dead(all_dead).crashed == 1
    (failure,) = catalog.queries.failures(COLLECTION)
    assert (failure.arrival, failure.kind) == (1, "crashed")
    assert failure.remedy


def test_wait_for_due_returns_at_once_for_work_and_wakes_for_news(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    assert catalog.wait_for_due([COLLECTION, "other"], timeout_s=60) == {COLLECTION}
    request(catalog)
    assert catalog.wait_for_due([COLLECTION], timeout_s=0.05) == frozenset()
    timer = threading.Timer(0.2, lambda: record(catalog, *(present(f"b{i}") for i in range(8))))
    timer.start()
    assert catalog.wait_for_due([COLLECTION], timeout_s=60) == {COLLECTION}
    timer.join()
