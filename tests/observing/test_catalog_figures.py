"""The catalog's figures: counted where outcomes are committed, growing only, looked at rarely, missing when away."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from fastapi.testclient import TestClient

from query_api.observing import names
from query_api.observing.catalog_figures import CatalogFigures, Looked
from rag_core.arrivals import ArrivalState
from rag_core.errors import DependencyUnavailable, DocumentRejected, QuarantineKind
from rag_core.queued_answers import QueueFigures
from resources.clients.catalog import Catalog, open_catalog
from resources.clients.catalog.figures import CollectionFigures
from resources.clients.catalog.tallies import BOUNDS_S
from resources.clients.catalog.values import WriteRequest
from tests.catalog.observing import COLLECTION, id_of, index, outcome, present, record, reject, rows, take
from tests.catalog.observing import INDEX as PHYSICAL
from tests.query_api.conftest import COLLECTION as HANDBOOK
from tests.services.postgres import PostgresServer


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    made = postgres.create_database()
    yield made
    postgres.drop_database(made)


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    with open_catalog(url) as opened:
        yield opened


class _Stopped(Exception):
    """Ends a transaction."""


def figures(catalog: Catalog) -> CollectionFigures:
    return catalog.figures.read()[COLLECTION]


def test_an_arrival_counts_once_when_it_becomes_searchable(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"), present("b"))
    rows(url, "UPDATE arrivals SET recorded_at = now() - interval '40 seconds' WHERE key = 'b'")
    claim = take(catalog)
    index(catalog, claim, 0, "a")
    index(catalog, claim, 1, "b")
    took = figures(catalog).searchable
    assert took.arrivals == 2
    assert (took.within[30.0], took.within[60.0], took.within[BOUNDS_S[-1]]) == (1, 2, 2)
    assert 40 <= took.seconds < 100
    catalog.due.make_due(COLLECTION, [0], reason="a new spec")
    index(catalog, claim, 0, "a")
    after = figures(catalog)
    assert after.searchable.arrivals == 2, "what is written again was searchable already"
    assert after.settled == {"indexed": 3}


def test_a_document_that_failed_first_counts_with_all_the_time_it_took(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    catalog.due.begin(claim, [0])
    reject(catalog, claim, 0, "a", DocumentRejected(QuarantineKind.UNREADABLE, "Broken.", remedy="Repair it."))
    rows(url, "UPDATE arrivals SET recorded_at = now() - interval '2 hours'")
    assert figures(catalog).searchable.arrivals == 0
    catalog.due.make_due(COLLECTION, [0], reason="a person asked for it")
    index(catalog, claim, 0, "a")
    found = figures(catalog)
    assert (found.searchable.within[3600.0], found.searchable.within[21600.0]) == (0, 1)
    assert found.settled == {"indexed": 1, "quarantined": 1}


def test_another_index_makes_nothing_searchable_for_the_first_time(catalog: Catalog) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    index(catalog, claim, 0, "a")
    catalog.due.make_due(COLLECTION, [0], reason="a new index")
    catalog.due.begin(claim, [0])
    with catalog.writing.documents(claim, "papers--4567", [WriteRequest(arrival=0, document_id=id_of("a"))]) as writing:
        writing.indexed(id_of("a"), outcome())
    assert figures(catalog).searchable.arrivals == 1
    assert PHYSICAL != "papers--4567"


def test_counters_stay_when_arrivals_are_deleted(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"))
    index(catalog, take(catalog), 0, "a")
    before = figures(catalog)
    rows(url, "DELETE FROM arrivals")
    after = figures(catalog)
    assert after.searchable == before.searchable
    assert after.settled == before.settled == {"indexed": 1}


def test_an_outcome_that_is_rolled_back_is_not_counted(catalog: Catalog) -> None:
    record(catalog, present("a"))
    claim = take(catalog)
    catalog.due.begin(claim, [0])
    request = [WriteRequest(arrival=0, document_id=id_of("a"))]
    with suppress(_Stopped), catalog.writing.documents(claim, PHYSICAL, request) as writing:
        writing.indexed(id_of("a"), outcome())
        raise _Stopped
    assert figures(catalog).settled == {}


def test_what_waits_and_since_when(catalog: Catalog, url: str) -> None:
    record(catalog, present("a"), present("b"), present("c"))
    rows(url, "UPDATE arrivals SET recorded_at = now() - interval '90 seconds' WHERE key = 'b'")
    index(catalog, take(catalog), 0, "a")
    found = figures(catalog)
    assert found.documents[ArrivalState.PENDING] == 2
    assert found.documents[ArrivalState.INDEXED] == 1
    assert 90 <= found.oldest_pending_s < 200
    claim = take(catalog)
    index(catalog, claim, 1, "b")
    index(catalog, claim, 2, "c")
    assert figures(catalog).oldest_pending_s == 0


def test_figures_are_kept_for_some_seconds_and_missing_while_the_catalog_is_away() -> None:
    looks = 0

    def read() -> Looked:
        nonlocal looks
        looks += 1
        if looks > 1:
            raise DependencyUnavailable("The database is away.", dependency="catalog")
        queue = QueueFigures(waiting=2, running=1, oldest_s=3.0, webhooks_waiting=0)
        return Looked(collections={"a": CollectionFigures()}, queue=queue)

    kept = CatalogFigures(read)
    for _ in range(3):
        families = {family.name for family in kept.families(lambda _: True)}
        assert {names.DOCUMENTS.name, names.QUEUED_ANSWERS.name} <= families
    assert looks == 1
    kept._looks.forget()
    (up,) = kept.families(lambda _: True)
    assert (up.name, up.samples[0].value) == (names.CATALOG_UP.name, 0)
    list(kept.families(lambda _: True))
    assert looks == 2, "who asks meanwhile does not ask the database again"


def test_the_api_exports_them(api: TestClient, scrape: Callable[..., float | None]) -> None:
    assert scrape(names.CATALOG_UP.name) == 1
    assert scrape(names.DOCUMENTS.name, collection=HANDBOOK, state="quarantined") == 1
    assert scrape(f"{names.SEARCHABLE_SECONDS.name}_count", collection=HANDBOOK) == 3
    assert scrape(f"{names.SEARCHABLE_SECONDS.name}_bucket", collection=HANDBOOK, le="86400.0") == 3
    assert scrape(names.SETTLED.name, collection=HANDBOOK, state="indexed") == 3
    assert scrape(names.SETTLED.name, collection=HANDBOOK, state="quarantined") == 1
    assert (scrape(names.OLDEST_PENDING.name, collection=HANDBOOK) or 0) > 0
    assert scrape(names.OUTBOX_WAITING.name, collection=HANDBOOK) == 0
    assert scrape(names.STOPPED_SOURCES.name, collection=HANDBOOK) == 0
