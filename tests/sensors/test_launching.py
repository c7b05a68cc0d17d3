"""Fresh work is launched the moment it is recorded, once, and given back where it cannot be."""

from collections.abc import Callable, Iterator
from threading import Event, Thread

import pytest

from rag_core.errors import DependencyUnavailable
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import Lane
from resources.clients.dagster_webserver import DagsterWebserver
from sensors.launching import FreshLauncher
from tests.catalog.observing import COLLECTION, present, record
from tests.sensors.webserver import FakeWebserver
from tests.services.loopback import free_port, wait_until


@pytest.fixture
def webserver() -> Iterator[FakeWebserver]:
    with FakeWebserver() as running:
        yield running


class _Launching:
    """The launcher in a thread of its own, ended with the block."""

    def __init__(self, catalog: Catalog, url: str, require: Callable[[], None] = lambda: None) -> None:
        self._stop = Event()
        self._webserver = DagsterWebserver(url, timeout_s=5)
        launcher = FreshLauncher(
            catalog, self._webserver, collections=[COLLECTION], require_dependencies=require, stop=self._stop
        )
        self._thread = Thread(target=launcher.run)
        self._catalog = catalog

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        while self._thread.is_alive():
            record(self._catalog, present("the-end-of-waiting.md"))  # it may wait for work
            self._thread.join(0.2)
        self._webserver.close()


def test_recorded_work_is_launched_under_its_claim(catalog: Catalog, webserver: FakeWebserver) -> None:
    with _Launching(catalog, webserver.url):
        record(catalog, present("a.md"))
        wait_until(lambda: bool(webserver.launched), what="a launch")
        assert webserver.partitions == ["000000"]
        first = webserver.launched[0]
        assert first["dagster/partition"] == "000000"
        assert first["rag/lane"] == "fresh"
        assert catalog.claims.request(COLLECTION, limit=9, launch_grace_s=60) == []


def test_a_run_that_starts_finds_the_claim_it_was_launched_with(catalog: Catalog, webserver: FakeWebserver) -> None:
    with _Launching(catalog, webserver.url):
        record(catalog, present("a.md"))
        wait_until(lambda: bool(webserver.launched), what="a launch")
        number = int(webserver.launched[0]["rag/claim"])
        assert catalog.claims.start(COLLECTION, 0, number, run_id="r", lease_s=60) is not None


def test_what_dagster_refuses_is_left_to_the_sensor(catalog: Catalog, webserver: FakeWebserver) -> None:
    webserver.launch = {"__typename": "PythonError", "message": "no"}
    with _Launching(catalog, webserver.url):
        record(catalog, present("a.md"))
        wait_until(lambda: bool(webserver.launched), what="a launch")
        wait_until(lambda: bool(catalog.due.has_work(COLLECTION)), what="the claim given back")


def test_without_a_webserver_the_work_is_left_to_the_sensor(catalog: Catalog) -> None:
    with _Launching(catalog, f"http://127.0.0.1:{free_port()}"):
        record(catalog, present("a.md"))
        wait_until(lambda: bool(catalog.claims.request(COLLECTION, limit=1, launch_grace_s=60)), what="the claim free")


def test_a_launch_of_unknown_outcome_keeps_its_claim(catalog: Catalog, webserver: FakeWebserver) -> None:
    webserver.launch = None
    with _Launching(catalog, webserver.url):
        record(catalog, present("a.md"))
        wait_until(lambda: bool(webserver.launched), what="a launch")
        assert not catalog.claims.request(COLLECTION, limit=1, launch_grace_s=60)


def test_no_claim_is_taken_while_a_dependency_is_away(catalog: Catalog, webserver: FakeWebserver) -> None:
    looked = Event()

    def away() -> None:
        looked.set()
        raise DependencyUnavailable("The vector index is away.", dependency="qdrant")

    with _Launching(catalog, webserver.url, away):
        record(catalog, present("a.md"))
        assert looked.wait(60)
        assert len(catalog.claims.request(COLLECTION, limit=1, launch_grace_s=60)) == 1
    assert not webserver.launched


def test_a_withdrawn_claim_is_asked_for_again_under_the_next_number(catalog: Catalog) -> None:
    record(catalog, present("a.md"))
    (first,) = catalog.claims.request(COLLECTION, limit=1, launch_grace_s=60, lane=Lane.FRESH)
    catalog.claims.withdraw(first)
    (second,) = catalog.claims.request(COLLECTION, limit=1, launch_grace_s=60, lane=Lane.FRESH)
    assert second.number == first.number + 1
    assert catalog.claims.start(COLLECTION, 0, second.number, run_id="r", lease_s=60) is not None
    catalog.claims.withdraw(second)
    assert not catalog.claims.request(COLLECTION, limit=1, launch_grace_s=60)
