"""The due-work sensor while something is away: it takes no claim, and its tick says by name what is missing."""

import threading
from pathlib import Path

import dagster as dg
import pytest

from rag_core.errors import DependencyUnavailable
from resources.clients.catalog import Catalog
from resources.clients.collection_files import LoadedCollection
from resources.clients.settings import Settings
from sensors.dependencies import Dependency, part_store, require, vector_index
from sensors.time_limits import TimeLeft, begun
from tests.qdrant.server import EdgeServer
from tests.sensors.test_sensors import _due, _sweep, instance, loaded  # noqa: F401 - fixtures among them
from tests.services.slow_proxy import SlowProxy


def _at(home: Path, qdrant_url: str) -> Settings:
    return Settings(home=home, qdrant_url=qdrant_url)


def _claims(catalog: Catalog) -> int:
    return catalog.claims.requested("notes")


def _drop(loaded: LoadedCollection, catalog: Catalog, instance: dg.DagsterInstance) -> None:  # noqa: F811 - fixtures
    (loaded.base_dir / "landing" / "a.txt").write_text("hello")
    _sweep(loaded, catalog, instance)


def test_no_claim_is_taken_while_the_vector_index_or_the_part_store_is_away(
    loaded: LoadedCollection,  # noqa: F811 - the fixture
    catalog: Catalog,
    instance: dg.DagsterInstance,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    _drop(loaded, catalog, instance)
    (tmp_path / "parts").mkdir()
    with EdgeServer() as server:
        needed = vector_index(_at(tmp_path, server.url)), part_store(str(tmp_path / "parts" / "parquet"))
        server.kill9()
        with pytest.raises(Exception, match=r"(?s)vector index \(qdrant\) is away.*Start Qdrant at http") as failed:
            _due(loaded, catalog, instance, *needed)
        assert isinstance(failed.value.__cause__ or failed.value, DependencyUnavailable)
        server.start()
        (tmp_path / "parts").rename(tmp_path / "unmounted")
        with pytest.raises(Exception, match=r"(?s)part store \(.*\) is away.*RAG_PARQUET"):
            _due(loaded, catalog, instance, *needed)
        assert _claims(catalog) == 0
        (tmp_path / "unmounted").rename(tmp_path / "parts")
        answer = _due(loaded, catalog, instance, *needed)
        assert [run.run_key for run in answer.run_requests or []] == ["notes/000000/0"]
        assert _claims(catalog) == 1


def test_an_outage_that_begins_while_the_tick_waits_takes_no_claim(
    loaded: LoadedCollection,  # noqa: F811 - the fixture
    catalog: Catalog,
    instance: dg.DagsterInstance,  # noqa: F811 - the fixture
) -> None:
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        if len(looks) == 1:
            _drop(loaded, catalog, instance)
        else:
            raise DependencyUnavailable("It went away.", dependency="parts")

    with pytest.raises(Exception, match="part store is away: It went away"):
        _due(loaded, catalog, instance, Dependency(name="part store", look=look, remedy="Mount it."))
    assert len(looks) == 2
    assert _claims(catalog) == 0


def test_a_server_that_accepts_and_never_answers_is_away_and_a_hanging_part_is_asked_once(tmp_path: Path) -> None:
    with EdgeServer() as server, SlowProxy(server.port) as proxy:
        index = vector_index(_at(tmp_path, proxy.endpoint))
        require([index])
        proxy.stall()
        with pytest.raises(DependencyUnavailable, match="vector index"):
            require([index])
        proxy.resume()
        require([index])
    hanging, asked = threading.Event(), []

    def look() -> None:
        asked.append(1)
        hanging.wait(60)

    mount = Dependency(name="part store", look=look, remedy="Mount it.")
    for _ in range(3):
        with pytest.raises(DependencyUnavailable, match="did not answer"):
            require([mount], timeout_s=0.05)
    assert len(asked) == 1
    hanging.set()
    require([mount])


def test_a_tick_whose_database_hangs_ends_in_time_and_takes_no_claim_later(
    loaded: LoadedCollection,  # noqa: F811 - the fixture
    catalog: Catalog,
    instance: dg.DagsterInstance,  # noqa: F811 - the fixture
) -> None:
    _drop(loaded, catalog, instance)
    hanging, is_asked_again = threading.Event(), threading.Event()
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        if len(looks) == 2:
            is_asked_again.set()

    class Hanging:
        """The catalog, whose look at dead runs hangs as a database behind a dead link does."""

        def __init__(self) -> None:
            self.claims = self
            self.due, self.indexes, self.wait_for_due = catalog.due, catalog.indexes, catalog.wait_for_due

        def sweep_dead(self, *_: object) -> None:
            hanging.wait(60)

        def requested(self, *_: object) -> int:
            return 0

        def request(self, *_: object, **__: object) -> None:
            raise AssertionError("a tick that was given up must take no claim")

    with pytest.raises(Exception, match="did not answer within 0 s"):
        _due(
            loaded,
            Hanging(),  # pyright: ignore[reportArgumentType] - it has what the sensor uses
            instance,
            Dependency(name="part store", look=look, remedy="Mount it."),
            tick_s=0.3,
        )
    hanging.set()
    assert is_asked_again.wait(30)
    assert _claims(catalog) == 0


def test_an_error_of_the_work_is_raised_as_it_is() -> None:
    with pytest.raises(KeyError):
        TimeLeft(5).answer(lambda: {}["x"], name="test", waits_for="x", remedy="y")
    with pytest.raises(TimeoutError, match="its own"):
        TimeLeft(5).answer(_times_out, name="test", waits_for="x", remedy="y")
    assert begun(lambda: 3, name="test").result(5) == 3


def _times_out() -> None:
    raise TimeoutError("its own")
