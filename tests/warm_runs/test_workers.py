"""Runs in workers that wait for them: what they do, and that whoever dies, no run is left hanging."""

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from dagster import DagsterRunStatus
from dagster._core.launcher import WorkerStatus

from local_stack.warm_runs.handing_over import hand_over
from local_stack.warm_runs.records import RunRecords
from rag_core.errors import DependencyUnavailable
from tests.warm_runs.workers import ROOT, Workers

pytestmark = pytest.mark.xdist_group("e2e")


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with Workers(tmp_path_factory.mktemp("workers")) as started:
        yield started


def test_a_run_is_executed_by_a_worker_that_waited_for_it(workers: Workers) -> None:
    run_id = workers.launch("quick")
    assert workers.ended(run_id).status is DagsterRunStatus.SUCCESS
    assert workers.process is not None
    assert "pid" in workers.said(run_id)
    assert f"pid {workers.process.pid}" not in workers.said(run_id)


def test_the_parent_has_one_thread(workers: Workers) -> None:
    workers.ended(workers.launch("quick"))
    assert workers.process is not None
    assert psutil.Process(workers.process.pid).num_threads() == 1


def test_a_failing_run_fails_and_the_next_one_runs(workers: Workers) -> None:
    assert workers.ended(workers.launch("failing")).status is DagsterRunStatus.FAILURE
    assert workers.ended(workers.launch("quick")).status is DagsterRunStatus.SUCCESS


def test_a_run_is_healthy_while_its_worker_lives_and_no_record_stays_behind(workers: Workers, tmp_path: Path) -> None:
    started, go_on = tmp_path / "started", tmp_path / "go"
    run_id = workers.launch("waiting", started=str(started), go_on=str(go_on))
    workers.wait_for("the run's start", started.exists)
    launcher = workers.instance.run_launcher
    assert launcher.check_run_worker_health(workers.run(run_id)).status is WorkerStatus.RUNNING
    go_on.touch()
    assert workers.ended(run_id).status is DagsterRunStatus.SUCCESS
    workers.wait_for("the record gone", lambda: not workers.records.has(run_id))
    assert launcher.check_run_worker_health(workers.run(run_id)).status is WorkerStatus.NOT_FOUND


def test_a_worker_that_takes_its_run_between_two_looks_is_not_called_dead(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = workers.launch("quick")
    workers.ended(run_id)
    launcher = workers.instance.run_launcher
    looks: list[str] = []

    def look(_: RunRecords, about: str) -> bool:
        looks.append(about)
        return len(looks) > 1

    monkeypatch.setattr(RunRecords, "has", look)
    monkeypatch.setattr(RunRecords, "worker_of", lambda records, about: os.getpid() if look(records, about) else None)
    assert launcher.check_run_worker_health(workers.run(run_id)).status is WorkerStatus.RUNNING


def test_a_run_that_is_terminated_ends_as_canceled(workers: Workers, tmp_path: Path) -> None:
    started = tmp_path / "started"
    run_id = workers.launch("waiting", started=str(started), go_on=str(tmp_path / "never"))
    workers.wait_for("the run's start", started.exists)
    assert workers.instance.run_launcher.terminate(run_id)
    assert workers.ended(run_id).status is DagsterRunStatus.CANCELED
    assert not workers.instance.run_launcher.terminate(run_id)


def test_a_run_whose_worker_is_killed_fails_and_says_why(workers: Workers, tmp_path: Path) -> None:
    started = tmp_path / "started"
    run_id = workers.launch("waiting", started=str(started), go_on=str(tmp_path / "never"))
    worker = int(workers.wait_for("the run's start", lambda: started.exists() and started.read_text()))
    os.kill(worker, signal.SIGKILL)
    assert workers.ended(run_id).status is DagsterRunStatus.FAILURE
    assert "worker process of this run died" in workers.said(run_id)


def test_the_same_run_handed_over_twice_runs_once(workers: Workers, tmp_path: Path) -> None:
    started, go_on = tmp_path / "started", tmp_path / "go"
    run_id = workers.launch("waiting", started=str(started), go_on=str(go_on))
    hand_over(workers.socket, run_id, patience_s=60)
    go_on.touch()
    assert workers.ended(run_id).status is DagsterRunStatus.SUCCESS
    assert workers.said(run_id).count("Started execution of run") == 1


def test_nonsense_on_the_socket_harms_nobody(workers: Workers) -> None:
    for message in (b"", b"../../../../etc/passwd" * 3, b"\xff" * 36):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(workers.socket))
            connection.sendall(message)
    assert workers.ended(workers.launch("quick")).status is DagsterRunStatus.SUCCESS


def test_nobody_there_fails_the_run_by_name(tmp_path: Path) -> None:
    with pytest.raises(DependencyUnavailable, match="No run worker took run"):
        hand_over(tmp_path / "nobody.sock", "8c4b9f0e-6a53-4a7e-9d38-0f4b6a0c1d2e", patience_s=0.2)


def test_a_killed_pool_fails_what_ran_and_the_next_one_goes_on(tmp_path: Path) -> None:
    with Workers(tmp_path) as workers:
        started = tmp_path / "started"
        run_id = workers.launch("waiting", started=str(started), go_on=str(tmp_path / "never"))
        worker = int(workers.wait_for("the run's start", lambda: started.exists() and started.read_text()))
        workers.kill()
        workers.wait_for("the worker's end", lambda: not psutil.pid_exists(worker))
        workers.start()
        assert workers.ended(run_id).status is DagsterRunStatus.FAILURE
        assert workers.ended(workers.launch("quick")).status is DagsterRunStatus.SUCCESS


def test_a_run_handed_to_a_pool_that_is_down_starts_when_it_is_back(tmp_path: Path) -> None:
    with Workers(tmp_path) as workers:
        workers.wait_for("a worker", workers.idle)
        workers.kill()
        run_id = workers.create("quick")
        workers.start()  # it imports for seconds; the launcher waits
        workers.hand_over(run_id)
        assert workers.ended(run_id).status is DagsterRunStatus.SUCCESS


def test_edited_code_is_what_the_next_run_executes_and_running_ones_go_on(tmp_path: Path) -> None:
    root = tmp_path / "code"
    packages = ("rag_core", "resources", "sensors", "rag_assets", "local_stack", "tests")
    for name in packages:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "data"))
    with Workers(tmp_path, root=root) as workers:
        started, go_on = tmp_path / "started", tmp_path / "go"
        before = workers.launch("waiting", started=str(started), go_on=str(go_on))
        workers.wait_for("the run's start", started.exists)
        assert workers.process is not None
        edited = root / "local_stack" / "warm_runs" / "worker.py"
        edited.write_text(edited.read_text() + '\n_log.warning("edited code")\n')
        after = workers.launch("quick")
        assert workers.ended(after).status is DagsterRunStatus.SUCCESS
        assert "edited code" in workers.log.read_text()
        go_on.touch()
        assert workers.ended(before).status is DagsterRunStatus.SUCCESS
        assert workers.process.poll() is None
