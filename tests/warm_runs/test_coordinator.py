"""Fresh runs start past the queue while there is room; everything else waits in it, backfills last."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.run_coordinator.base import SubmitRunContext
from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator

from tests.warm_runs.workers import Workers

pytestmark = pytest.mark.xdist_group("e2e")
FRESH = {"rag/lane": "fresh"}


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with Workers(tmp_path_factory.mktemp("workers")) as started:
        yield started


def submit(workers: Workers, tags: dict[str, str]) -> DagsterRun:
    run_id = workers.create("quick", tags=tags)
    context = SubmitRunContext(workers.run(run_id), workspace=None)  # pyright: ignore[reportArgumentType] - not asked for
    return workers.instance.run_coordinator.submit_run(context)


def busy(instance: DagsterInstance, workers: Workers, count: int, tags: dict[str, str]) -> list[str]:
    """Make Dagster count runs as under way."""
    run_ids = [workers.create("quick", tags=tags) for _ in range(count)]
    for run_id in run_ids:
        instance.report_run_canceling(workers.run(run_id))
    return run_ids


def over(workers: Workers, run_ids: list[str]) -> None:
    for run_id in run_ids:
        workers.instance.report_run_canceled(workers.run(run_id))


def test_the_daemon_takes_it_for_its_queue(workers: Workers) -> None:
    assert isinstance(workers.instance.run_coordinator, QueuedRunCoordinator)
    assert workers.instance.get_concurrency_config().run_queue_config is not None


def test_a_fresh_run_starts_at_once(workers: Workers) -> None:
    workers.until_one_waits()
    run = submit(workers, FRESH)
    assert run.status is not DagsterRunStatus.QUEUED
    assert workers.ended(run.run_id).status is DagsterRunStatus.SUCCESS


def test_another_run_waits_in_the_queue_and_a_backfill_behind_it(workers: Workers) -> None:
    workers.until_one_waits()
    batch, backfill = submit(workers, {}), submit(workers, {"dagster/backfill": "b"})
    assert batch.status is backfill.status is DagsterRunStatus.QUEUED
    assert "dagster/priority" not in batch.tags
    assert int(backfill.tags["dagster/priority"]) < 0
    over(workers, [batch.run_id, backfill.run_id])


def test_a_full_queue_leaves_room_for_one_fresh_run(workers: Workers) -> None:
    limit = workers.instance.get_concurrency_config().run_queue_config
    assert limit is not None
    held = busy(workers.instance, workers, limit.max_concurrent_runs, {})
    workers.until_one_waits()
    first = submit(workers, FRESH)
    assert first.status is not DagsterRunStatus.QUEUED
    workers.ended(first.run_id)
    held += busy(workers.instance, workers, 1, FRESH)
    assert submit(workers, FRESH).status is DagsterRunStatus.QUEUED
    over(workers, held)


def test_without_a_waiting_worker_a_fresh_run_is_queued_and_not_lost(tmp_path: Path) -> None:
    with Workers(tmp_path) as alone:
        alone.kill()
        assert submit(alone, FRESH).status is DagsterRunStatus.QUEUED
