"""A run whose worker died before the run began ends when it is looked at, whoever is alive to bury it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.test_utils import (
    create_run_for_test,
    create_test_daemon_workspace_context,
    instance_for_test,
)
from dagster._core.workspace.load_target import EmptyWorkspaceTarget

from local_stack.warm_runs.places import records_folder
from rag_assets.starting_runs import StartingRuns, daemons_of, end_if_lost

STARTING, FAILURE = dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.FAILURE
_TAKES = """\
import sys, time
from pathlib import Path
from local_stack.warm_runs.records import RunRecords
print(RunRecords(Path(sys.argv[1])).take(sys.argv[2]), flush=True)
time.sleep(600)
"""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    launcher = {
        "module": "local_stack.warm_runs.launcher",
        "class": "WarmRunLauncher",
        "config": {"home": str(tmp_path)},
    }
    with instance_for_test(overrides={"run_launcher": launcher, "run_monitoring": {"enabled": True}}) as made:
        yield made


@contextmanager
def worker_of(run_id: str, home: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has taken the run and does not come to begin it."""
    command = [sys.executable, "-P", "-c", _TAKES, str(records_folder(home)), run_id]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def starting(instance: dg.DagsterInstance) -> dg.DagsterRun:
    """Return a run that was handed to the launcher a moment ago."""
    run = create_run_for_test(instance, status=STARTING)
    event = DagsterEvent(event_type_value=DagsterEventType.PIPELINE_STARTING.value, job_name=run.job_name)
    instance.report_dagster_event(event, run_id=run.run_id)
    return run


def status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def test_a_run_whose_worker_dies_before_it_began_fails_at_the_next_look(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    run = starting(instance)
    with worker_of(run.run_id, tmp_path) as worker:
        assert not end_if_lost(instance, run)
        assert status(instance, run) is STARTING
        worker.kill()
        worker.wait(10)
        assert end_if_lost(instance, run)
    assert status(instance, run) is FAILURE


def test_a_run_that_nobody_has_taken_yet_is_waited_for_as_long_as_a_launch_may_take(
    instance: dg.DagsterInstance,
) -> None:
    run = starting(instance)
    assert not end_if_lost(instance, run)
    assert end_if_lost(instance, run, longest_launch_s=0)
    assert status(instance, run) is FAILURE


def test_a_run_that_cannot_be_looked_at_is_shown_and_the_others_are_looked_at(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    runs = [starting(instance) for _ in range(3)]
    unseen, lost = runs[1], (runs[0], runs[2])
    for each in lost:
        with worker_of(each.run_id, tmp_path):
            pass
    (records_folder(tmp_path) / unseen.run_id).mkdir()  # a record that nobody can read
    with create_test_daemon_workspace_context(EmptyWorkspaceTarget(), instance) as context:
        told = [each for each in StartingRuns(interval_seconds=1).run_iteration(context) if each is not None]
    assert [unseen.run_id in str(error) for error in told] == [True]
    assert status(instance, unseen) is STARTING
    assert [status(instance, each) for each in lost] == [FAILURE, FAILURE]


def test_the_daemon_looks_where_workers_can_be_asked_after(instance: dg.DagsterInstance) -> None:
    assert StartingRuns.daemon_type() in {each.daemon_type() for each in daemons_of(instance)}
    with instance_for_test(overrides={"run_monitoring": {"enabled": True}}) as without:
        assert StartingRuns.daemon_type() not in {each.daemon_type() for each in daemons_of(without)}
