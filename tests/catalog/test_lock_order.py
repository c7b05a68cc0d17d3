"""Sweepers, askers, writers, a lost index and recorders on the same documents at once: nobody waits in a circle."""

import threading
from collections.abc import Callable

from rag_core.arrivals import ArrivalState
from resources.clients.catalog import Catalog, open_catalog
from resources.clients.catalog.values import Claim, DueFilter, ProcessingSpec, WriteRequest
from tests.catalog.observing import (
    COLLECTION,
    INDEX,
    ROOMY,
    SOURCE,
    all_dead,
    id_of,
    outcome,
    present,
    record,
    take,
)

KEYS = [f"k{n:02d}" for n in range(24)]
TURNS = 8


def test_everyone_at_once_ends_without_a_deadlock(catalog: Catalog, url: str) -> None:
    record(catalog, *map(present, KEYS), limits=ROOMY)
    first = take(catalog, run_id="first")
    catalog.due.begin(first, list(range(len(KEYS))))
    _write(catalog, first, KEYS)
    catalog.claims.release(first)
    errors: list[BaseException] = []
    barrier = threading.Barrier(8)

    def actor(act: Callable[[Catalog, int], object]) -> threading.Thread:
        def run() -> None:
            try:
                with open_catalog(url) as mine:
                    barrier.wait(timeout=60)
                    for turn in range(TURNS):
                        act(mine, turn)
            except BaseException as error:  # noqa: BLE001 - handed to the test's thread
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    threads = [
        actor(lambda mine, turn: _write(mine, _claim("up", turn), KEYS)),
        actor(lambda mine, turn: _write(mine, _claim("down", turn), KEYS[::-1])),
        actor(lambda mine, turn: _crash_and_sweep(mine, turn)),
        actor(lambda mine, turn: mine.due.make_due_where_spec_differs(COLLECTION, INDEX, _spec(turn), limit=7)),
        actor(lambda mine, _: mine.indexes.lost(COLLECTION, INDEX)),
        actor(lambda mine, turn: _record_and_retry(mine, turn)),
        actor(lambda mine, _: mine.indexes.look_again(COLLECTION, INDEX, list(map(id_of, KEYS)), reason="audit")),
        actor(lambda mine, turn: mine.retention.forget(COLLECTION, turn % 3, keep_days=0)),
    ]
    for thread in threads:
        thread.join(timeout=120)
    assert errors == [], "a deadlock's victim would be told that the database does not answer in time"


def _claim(run_id: str, turn: int) -> Claim:
    return Claim(collection=COLLECTION, partition=0, number=0, run_id=f"{run_id}-{turn}")


def _spec(turn: int) -> ProcessingSpec:
    return ProcessingSpec(parser_versions=frozenset({"text/1"}), chunking=f"c{turn}", metadata_rules={SOURCE: "m1"})


def _write(catalog: Catalog, claim: Claim, keys: list[str]) -> None:
    """Write as a run does whose claim may be gone: what is written is a fact."""
    newest = catalog.queries.documents_by_id([id_of(key) for key in keys])
    requests = [WriteRequest(arrival=newest[id_of(key)].newest_arrival, document_id=id_of(key)) for key in keys]
    with catalog.writing.documents(claim, INDEX, requests) as writing:
        for request in requests:
            if writing.head(request.document_id).newer_known:
                writing.superseded(request.document_id)
            else:
                writing.indexed(request.document_id, outcome())


def _crash_and_sweep(catalog: Catalog, turn: int) -> None:
    """Begin what is due, fail, and sweep every run that is over, with the writes it left open."""
    claim = catalog.claims.take(COLLECTION, 0, run_id=f"crash-{turn}", lease_s=60)
    if isinstance(claim, Claim):
        normal = [due.arrival.number for due in catalog.due.arrivals(claim, limit=8) if not due.alone]
        catalog.due.begin(claim, normal)
        if turn % 2:
            catalog.claims.fail(claim, "boom", wait_s=0)
        else:
            catalog.claims.release(claim)
    catalog.claims.sweep_dead(all_dead)


def _record_and_retry(catalog: Catalog, turn: int) -> None:
    record(catalog, *(present(key, f"v{turn}") for key in KEYS[turn % 3 :: 3]), limits=ROOMY)
    catalog.due.make_due(COLLECTION, DueFilter(states=frozenset(ArrivalState)), reason="a person")
