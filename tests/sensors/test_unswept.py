"""A source that is not swept is seen: in the catalog, in ``/metrics``, ``/v1/collections`` and ``rag status``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from fastapi.testclient import TestClient

from local_stack.cli.streams_status import stream_lines
from query_api.app import create_app
from rag_core.errors import DependencyUnavailable
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import PartitionLimits, StopKind
from resources.clients.collection_files import load_collection
from resources.clients.settings import Settings
from sensors.bucket_sensor import build_bucket_sensor
from tests.catalog.observing import rows

DAY_S = 86_400
_FILE = "name: notes\nsources:\n  - {{name: landing, url: landing, sweep: {{interval_s: {interval_s}}}}}\n"
_ACCOUNT = "UPDATE positions SET value = value || jsonb_build_object('{field}', now() - interval '{ago}') "
_OF_ACCOUNT = "WHERE source = 'landing/sweep'"


@pytest.fixture
def sweep(tmp_path: Path, catalog: Catalog) -> Callable[..., None]:
    def tick(interval_s: int = 1) -> None:
        (tmp_path / "notes.yaml").write_text(_FILE.format(interval_s=interval_s))
        loaded = load_collection(tmp_path, "notes")
        sensor = build_bucket_sensor(loaded, loaded.collection.sources[0], open_catalog=lambda: catalog)
        with dg.instance_for_test() as instance:
            sensor.evaluate_tick(dg.build_sensor_context(instance=instance))

    return tick


@pytest.fixture
def asked(tmp_path: Path, url: str) -> Callable[[str], Any]:
    def ask(path: str) -> Any:
        settings = Settings(
            home=tmp_path, collections=tmp_path, database_url=url, qdrant_url="http://127.0.0.1:9", auth="off"
        )
        with TestClient(create_app(settings), base_url="http://localhost") as api:
            return api.get(path)

    return ask


def _late(catalog: Catalog) -> float:
    return catalog.figures.read()["notes"].sweep_overdue_s["landing"]


def test_a_source_whose_every_sweep_fails_is_told_until_one_is_complete(
    tmp_path: Path, catalog: Catalog, sweep: Callable[..., None], asked: Callable[[str], Any]
) -> None:
    for _ in range(2):
        with pytest.raises(Exception, match="landing"):
            sweep()
    [trouble] = catalog.sources.unswept("notes")
    assert (trouble.source, trouble.swept_at) == ("landing", None)
    [shown] = asked("/v1/collections").json()["collections"]
    assert (shown["name"], shown["failing_sources"][0]["reason"]) == ("notes", trouble.reason)
    assert str(tmp_path / "landing") in trouble.reason
    [line] = stream_lines(asked("/v1/streams").json()["collections"])
    assert line.startswith("notes/landing: failing since 20")
    assert 'rag_source_sweep_age_seconds{collection="notes",source="landing"} ' in asked("/metrics").text
    (tmp_path / "landing").mkdir()
    sweep()
    assert catalog.sources.unswept() == []
    assert asked("/v1/streams").json()["collections"] == []


def test_a_sweep_is_overdue_when_its_interval_is_over_or_it_fails(
    tmp_path: Path, url: str, catalog: Catalog, sweep: Callable[..., None]
) -> None:
    (tmp_path / "landing").mkdir()
    sweep(DAY_S)
    rows(url, "DELETE FROM positions WHERE source = 'landing/sweep'")
    sweep(DAY_S)
    assert _late(catalog) == 0, "an older version swept it, and wrote no account"
    hours_ago = "UPDATE positions SET value = jsonb_set(value, '{last,finished_at}', to_jsonb(now() - interval '%s'))"
    rows(url, f"{hours_ago % '23 hours'} WHERE source = 'landing'")
    assert _late(catalog) == 0
    rows(url, f"{hours_ago % '25 hours'} WHERE source = 'landing'")
    assert 3500 < _late(catalog) < 3700
    [trouble] = catalog.sources.unswept()
    assert "sweep_notes_landing does not tick" in trouble.reason
    rows(url, f"{hours_ago % '1 hour'} WHERE source = 'landing'")
    catalog.sources.note_failed("notes", "landing", "The right was taken\0 away.", interval_s=DAY_S)
    rows(url, _ACCOUNT.format(field="failed_since", ago="20 minutes") + _OF_ACCOUNT)
    assert 1100 < _late(catalog) < 1300, "a sweep that was brought forward fails"


def test_a_sweep_that_comes_on_and_a_source_that_is_stopped_or_removed_is_not_overdue(
    tmp_path: Path, url: str, catalog: Catalog, sweep: Callable[..., None]
) -> None:
    (tmp_path / "landing").mkdir()
    sweep()
    rows(url, "UPDATE positions SET value = value - 'last' WHERE source = 'landing'")
    rows(url, _ACCOUNT.format(field="swept_at", ago="3 hours") + _OF_ACCOUNT)
    assert _late(catalog) > 3 * 3600 - 100
    rows(url, """UPDATE positions SET value = value || '{"running": {}}' WHERE source = 'landing'""")
    assert _late(catalog) == 0, "a tick has just moved it"
    rows(url, "UPDATE positions SET moved_at = now() - interval '1 hour' WHERE source = 'landing'")
    assert 3500 < _late(catalog) < 3700, "no tick moves it any more"
    stop = catalog.sources.stop("notes", "landing", StopKind.ROOT_MISSING, "Gone.", {})
    assert (_late(catalog), catalog.sources.unswept()) == (0, [])
    catalog.sources.confirm(stop.id, by="a person", limits=PartitionLimits(size=8, bytes=2**28))
    assert _late(catalog) > 3500
    catalog.sources.declared("notes", {})
    assert (catalog.figures.read(), catalog.sources.unswept()) == ({}, [])


def test_a_stop_is_told_as_a_stop_and_what_failed_before_is_over(
    tmp_path: Path, catalog: Catalog, sweep: Callable[..., None]
) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "a.txt").write_text("a")
    sweep()
    catalog.sources.note_failed("notes", "landing", "Away.", interval_s=1)
    (tmp_path / "landing").rename(tmp_path / "moved")
    catalog.queues.bring_sweep_forward("notes", "landing")
    with pytest.raises(Exception, match="rag sources confirm"):
        sweep()
    assert catalog.sources.stopped("notes")
    (tmp_path / "moved").rename(tmp_path / "landing")
    sweep()
    assert (catalog.sources.stopped("notes"), catalog.sources.unswept()) == ([], [])


def test_a_defect_is_noted_by_its_type_alone(
    tmp_path: Path, catalog: Catalog, sweep: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("hunter2")

    monkeypatch.setattr("sensors.sweep_account.open_sweep", broken)
    with pytest.raises(Exception, match="hunter2"):
        sweep()
    [trouble] = catalog.sources.unswept()
    assert trouble.reason == "A defect: KeyError; see the ticks of its sensor."

    def away(*_: object, **__: object) -> None:
        raise DependencyUnavailable("The catalog is away.", dependency="catalog")

    monkeypatch.setattr(catalog.sources, "note_failed", away)
    with pytest.raises(Exception, match="hunter2"):
        sweep()


def test_a_collection_that_no_file_declares_is_not_late_for_ever(
    tmp_path: Path, catalog: Catalog, asked: Callable[[str], Any]
) -> None:
    catalog.sources.note_failed("gone", "landing", "Away.", interval_s=1)
    figure = 'rag_source_sweep_overdue_seconds{collection="gone",source="landing"}'
    assert figure in asked("/metrics").text, "no file at all: that is told"
    (tmp_path / "notes.yaml").write_text(_FILE.format(interval_s=1))
    assert figure not in asked("/metrics").text
    assert asked("/v1/collections").json()["collections"] == []
    (tmp_path / "broken.yaml").write_text("name: [")
    assert figure in asked("/metrics").text, "the file that cannot be read may be its"
