"""The sensors as Dagster evaluates them, over a real catalog and a real instance."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from rag_core.collection import BucketSource, Collection
from resources.clients.catalog import Catalog
from resources.clients.collection_files import LoadedCollection, load_collection
from sensors import build_sensors
from sensors.bucket_sensor import build_bucket_sensor
from sensors.declarations import declared_now
from sensors.dependencies import Dependency
from sensors.due_work_sensor import build_due_work_sensor, is_over, look_for_due_work
from sensors.source_stops import SourceStopped
from sensors.time_limits import TimeLeft

_FILE = "name: notes\nsources:\n  - name: landing\n    url: landing\n"
_BLOCKS = dg.DynamicPartitionsDefinition(name="notes_blocks")


@dg.asset(partitions_def=_BLOCKS)
def _vectors() -> None:
    """Stand for the four assets."""


_JOB = dg.define_asset_job("ingest_notes_job", selection=[_vectors])


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedCollection:
    (tmp_path / "landing").mkdir()
    (tmp_path / "notes.yaml").write_text(_FILE)
    return load_collection(tmp_path, "notes")


def _sweep(loaded: LoadedCollection, catalog: Catalog, instance: dg.DagsterInstance) -> str:
    sensor = build_bucket_sensor(loaded, loaded.collection.sources[0], open_catalog=lambda: catalog)
    answer = sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
    assert not answer.run_requests
    return answer.skip_message or ""


def _due_sensor(
    loaded: LoadedCollection, catalog: Catalog, dependencies: Sequence[Dependency] = (), **options: float
) -> dg.SensorDefinition:
    return build_due_work_sensor(
        loaded,
        job=_JOB,
        partitions_def=_BLOCKS,
        open_catalog=lambda: catalog,
        open_dependencies=lambda: dependencies,
        **options,
    )


def _due(
    loaded: LoadedCollection,
    catalog: Catalog,
    instance: dg.DagsterInstance,
    *dependencies: Dependency,
    wait_s: float = 0.1,
    tick_s: float = 19.0,
) -> SensorExecutionData:
    sensor = _due_sensor(loaded, catalog, dependencies, wait_s=wait_s, tick_s=tick_s)
    definitions = dg.Definitions(assets=[_vectors], jobs=[_JOB], sensors=[sensor])
    context = dg.build_sensor_context(instance=instance, instance_ref=instance.get_ref(), definitions=definitions)
    return sensor.evaluate_tick(context)


def test_a_dropped_file_becomes_one_run_over_a_new_partition(
    loaded: LoadedCollection, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    (loaded.base_dir / "landing" / "a.txt").write_text("hello")
    assert "looked at 1 objects, 1 new or changed" in _sweep(loaded, catalog, instance)
    assert "the next sweep is due at" in _sweep(loaded, catalog, instance)
    answer = _due(loaded, catalog, instance)
    assert [(run.partition_key, run.run_key) for run in answer.run_requests or []] == [("000000", "notes/000000/0")]
    tags = (answer.run_requests or [])[0].tags
    assert {name: tags[name] for name in ("rag/claim", "rag/collection", "rag/lane", "dagster/priority")} == {
        "rag/claim": "0",
        "rag/collection": "notes",
        "rag/lane": "fresh",
        "dagster/priority": "10",
    }
    added = answer.dynamic_partitions_requests or []
    assert [list(request.partition_keys) for request in added] == [["000000"]]
    again = _due(loaded, catalog, instance)
    assert not again.run_requests
    assert "nothing of notes is due" in (again.skip_message or "")


def test_an_idle_tick_says_what_it_looked_at(
    loaded: LoadedCollection, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    assert "landing: looked at 0 objects, 0 new or changed, 0 deleted; complete" in _sweep(loaded, catalog, instance)
    assert "nothing of notes is due" in (_due(loaded, catalog, instance).skip_message or "")


def test_a_stopped_source_fails_its_tick_with_the_command_that_lets_it_through(
    loaded: LoadedCollection, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    landing = loaded.base_dir / "landing"
    (landing / "a.txt").write_text("hello")
    _sweep(loaded, catalog, instance)
    landing.rename(loaded.base_dir / "away")
    eager = BucketSource(name="landing", url="landing")
    eager = eager.model_copy(update={"sweep": eager.sweep.model_copy(update={"interval_s": -1e9})})
    sensor = build_bucket_sensor(loaded, eager, open_catalog=lambda: catalog)
    for _ in range(2):
        with pytest.raises(Exception, match="rag sources confirm notes landing") as failed:
            sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
        assert isinstance(failed.value.__cause__ or failed.value, SourceStopped)


def _take(catalog: Catalog, *, launch_grace_s: float, dead: bool = False) -> list[str]:
    plan = look_for_due_work(
        Collection(name="notes", sources=(BucketSource(name="landing", url="landing"),)),
        catalog,
        left=TimeLeft(19),
        wait_s=0.1,
        launch_grace_s=launch_grace_s,
        require_dependencies=lambda: None,
        is_served=lambda: True,
        runs_waiting=lambda: 0,
        is_dead=lambda _: dead,
        partition_exists=lambda _: True,
    )
    return [] if isinstance(plan, str) else [run.run_key for run in plan.runs]


def test_a_tick_that_dies_between_claim_and_submission_is_asked_again_under_the_next_number(
    loaded: LoadedCollection, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    (loaded.base_dir / "landing" / "a.txt").write_text("hello")
    _sweep(loaded, catalog, instance)
    assert _take(catalog, launch_grace_s=0.01) == ["notes/000000/0"]  # and its answer never reaches Dagster
    threading.Event().wait(0.05)
    assert _take(catalog, launch_grace_s=60) == ["notes/000000/1"]
    assert _take(catalog, launch_grace_s=60) == []


def test_a_dead_runs_work_is_asked_for_again(
    loaded: LoadedCollection, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    (loaded.base_dir / "landing" / "a.txt").write_text("hello")
    _sweep(loaded, catalog, instance)
    assert _take(catalog, launch_grace_s=60) == ["notes/000000/0"]
    assert catalog.claims.start("notes", 0, 0, run_id="dead-run", lease_s=0.01) is not None
    threading.Event().wait(0.05)
    assert _take(catalog, launch_grace_s=60, dead=True) == ["notes/000000/1"]


def test_a_waiting_tick_answers_when_work_is_recorded(
    loaded: LoadedCollection, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    answers: list[SensorExecutionData] = []
    waiting = threading.Thread(target=lambda: answers.append(_due(loaded, catalog, instance, wait_s=15)))
    waiting.start()
    (loaded.base_dir / "landing" / "a.txt").write_text("hello")
    _sweep(loaded, catalog, instance)
    waiting.join(60)
    assert [run.run_key for run in answers[0].run_requests or []] == ["notes/000000/0"]


def test_runs_that_wait_in_the_queue_hold_back_more(
    loaded: LoadedCollection, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    (loaded.base_dir / "landing" / "a.txt").write_text("hello")
    _sweep(loaded, catalog, instance)
    definitions = dg.Definitions(assets=[_vectors], jobs=[_JOB])
    job = definitions.resolve_job_def("ingest_notes_job")
    for _ in range(4):
        instance.create_run_for_job(
            job,
            status=dg.DagsterRunStatus.STARTING,
            tags={"rag/collection": "notes", "dagster/sensor_name": "due_notes"},
        )
    assert "4 runs of notes wait to start" in (_due(loaded, catalog, instance).skip_message or "")


def test_claims_whose_runs_have_not_begun_hold_back_more_too(
    loaded: LoadedCollection, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    (loaded.base_dir / "notes.yaml").write_text(_FILE + "partition_size: 1\n")
    for number in range(6):
        (loaded.base_dir / "landing" / f"{number}.txt").write_text("hello")
    _sweep(load_collection(loaded.base_dir, "notes"), catalog, instance)
    assert len(_due(loaded, catalog, instance).run_requests or []) == 4
    assert "4 runs of notes wait to start" in (_due(loaded, catalog, instance).skip_message or "")
    for block in range(4):
        assert catalog.claims.start("notes", block, 0, run_id=f"run-{block}", lease_s=60) is not None
    assert len(_due(loaded, catalog, instance).run_requests or []) == 2


def test_dead_runs_work_is_made_due_again_though_runs_wait(
    loaded: LoadedCollection, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    (loaded.base_dir / "landing" / "a.txt").write_text("hello")
    _sweep(loaded, catalog, instance)
    assert _take(catalog, launch_grace_s=60) == ["notes/000000/0"]
    claim = catalog.claims.start("notes", 0, 0, run_id="dead-run", lease_s=0.01)
    assert claim is not None
    threading.Event().wait(0.05)
    job = dg.Definitions(assets=[_vectors], jobs=[_JOB]).resolve_job_def("ingest_notes_job")
    for _ in range(4):
        tags = {"rag/collection": "notes", "dagster/sensor_name": "due_notes"}
        instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTING, tags=tags)
    assert "4 runs of notes wait to start" in (_due(loaded, catalog, instance).skip_message or "")
    assert not catalog.claims.renew(claim, lease_s=60)


def test_the_collections_file_is_read_in_the_tick_and_a_broken_one_fails_it(
    loaded: LoadedCollection, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    file = loaded.base_dir / "notes.yaml"
    (loaded.base_dir / "landing" / "a.txt").write_text("hello")
    _sweep(loaded, catalog, instance)
    file.write_text(_FILE + "partition_size: many\n")
    with pytest.raises(Exception, match=r"(?s)notes\.yaml:5: partition_size: .*rag collections check"):
        _due(loaded, catalog, instance)
    assert catalog.claims.requested("notes") == 0
    (loaded.base_dir / "other.yaml").write_text("name: 1\n")  # another collection's fault is not this one's
    file.write_text(_FILE)
    assert len(_due(loaded, catalog, instance).run_requests or []) == 1
    file.write_text(_FILE + "description: as it is now\n")
    assert declared_now(loaded).collection.description == "as it is now"
    file.unlink()
    with pytest.raises(Exception, match="not usable as its file is now"):
        _due(loaded, catalog, instance)


def test_a_run_is_over_when_it_ended_or_is_unknown(instance: dg.DagsterInstance) -> None:
    job = dg.Definitions(assets=[_vectors], jobs=[_JOB]).resolve_job_def("ingest_notes_job")
    running = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    failed = instance.create_run_for_job(job, status=dg.DagsterRunStatus.FAILURE)
    assert [is_over(instance, run_id) for run_id in (running.run_id, failed.run_id, "never")] == [False, True, True]


def test_a_collections_sensors_run_by_default_and_definitions_load(loaded: LoadedCollection) -> None:
    sensors = build_sensors(loaded, job=_JOB, blocks=_BLOCKS)
    assert sorted(sensor.name for sensor in sensors) == ["due_notes", "sweep_notes_landing"]
    assert all(sensor.default_status is dg.DefaultSensorStatus.RUNNING for sensor in sensors)
    assert all((sensor.minimum_interval_seconds or 0) <= 4 for sensor in sensors)
    dg.Definitions.validate_loadable(dg.Definitions(assets=[_vectors], jobs=[_JOB], sensors=sensors))


def test_a_tick_says_what_waits_for_a_run_that_is_busy_on_its_block(
    loaded: LoadedCollection, catalog: Catalog, instance: dg.DagsterInstance
) -> None:
    (loaded.base_dir / "landing" / "a.txt").write_text("hello")
    _sweep(loaded, catalog, instance)
    [claim] = catalog.claims.request("notes", limit=1, launch_grace_s=60)
    catalog.claims.start("notes", claim.partition, claim.number, run_id="0123456789", lease_s=60)
    assert "1 documents for run 01234567" in (_due(loaded, catalog, instance).skip_message or "")
