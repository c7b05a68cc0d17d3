"""A pool of run workers in a folder of its own, with Dagster's storage beside it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import dagster as dg
import psutil
from dagster import DagsterInstance, DagsterRun, reconstructable
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from local_stack.warm_runs.handing_over import is_worker_waiting
from local_stack.warm_runs.importing import THREADLESS
from local_stack.warm_runs.places import records_folder, workers_socket
from local_stack.warm_runs.records import RunRecords
from tests.warm_runs import jobs

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")


class Workers:
    """``python -m local_stack.warm_runs`` for the instance in ``folder``; ``root`` is where its code comes from."""

    def __init__(self, folder: Path, *, root: Path = ROOT, idle: int = 1) -> None:
        self.home = folder / "home"
        self._dagster = folder / "dagster"
        self._root = root
        self._idle = idle
        for each in (self.home / "run", self._dagster, folder / "collections"):
            each.mkdir(parents=True)
        launcher = {
            "module": "local_stack.warm_runs.launcher",
            "class": "WarmRunLauncher",
            "config": {"home": str(self.home)},
        }
        coordinator = {"module": "local_stack.warm_runs.coordinator", "class": "FreshFirstCoordinator"}
        instance = {
            "run_launcher": launcher,
            "run_coordinator": coordinator,
            "concurrency": {"runs": {"max_concurrent_runs": 2}},
            "telemetry": {"enabled": False},
        }
        (self._dagster / "dagster.yaml").write_text(json.dumps(instance))  # JSON is YAML, too
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("RAG_")} | {
            "RAG_HOME": str(self.home),
            "RAG_COLLECTIONS": str(folder / "collections"),
            "DAGSTER_HOME": str(self._dagster),
            "PYTHONPATH": str(root),
            **THREADLESS,
        }
        self.log = folder / "workers.log"
        self.records = RunRecords(records_folder(self.home))
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        self.instance = DagsterInstance.from_config(str(self._dagster))
        return self

    def __exit__(self, *_: object) -> None:
        self.instance.dispose()
        if self.process is not None:
            self.process.terminate()
            self.process.wait(120)

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-P", "-W", "ignore", "-m", "local_stack.warm_runs", "--idle", str(self._idle)]
            self.process = subprocess.Popen(
                command, env=self._environment, cwd=self.home, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def socket(self) -> Path:
        return workers_socket(self.home)

    def idle(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children()

    def launch(self, job: str, **op_config: Any) -> str:
        """Create a run of one of the jobs and hand it over; returns when a worker has taken it."""
        self.until_one_waits()
        run_id = self.create(job, **op_config)
        self.hand_over(run_id)
        return run_id

    def hand_over(self, run_id: str) -> None:
        """Launch a created run as Dagster's daemon does."""
        self.instance.launch_run(run_id, workspace=None)  # pyright: ignore[reportArgumentType] - the launcher needs none

    def until_one_waits(self) -> None:
        self.wait_for("a worker that waits", lambda: is_worker_waiting(self.socket), limit_s=300)

    def create(self, job: str, *, tags: Mapping[str, str] | None = None, **op_config: Any) -> str:
        definition: dg.JobDefinition = getattr(jobs, job)
        config: Mapping[str, Any] = {"ops": {"wait_for_file": {"config": op_config}}} if op_config else {}
        run = self.instance.create_run_for_job(
            definition,
            run_config=config,
            tags=tags,
            job_code_origin=reconstructable(definition).get_python_origin(),
            remote_job_origin=_origin(job),
        )
        return run.run_id

    def run(self, run_id: str) -> DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def ended(self, run_id: str) -> DagsterRun:
        """Wait until a run is over, however it ended."""
        return self.wait_for(f"run {run_id} over", lambda: self.run(run_id) if self.run(run_id).is_finished else None)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def said(self, run_id: str) -> str:
        """Return all messages of a run."""
        return "\n".join(record.user_message or record.message for record in self.instance.all_logs(run_id))

    def wait_for(self, what: str, seen: Callable[[], T | None], *, limit_s: float = 120) -> T:
        ends = time.monotonic() + limit_s
        while time.monotonic() < ends:
            found = seen()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"not seen in {limit_s} s: {what}\n{self.log.read_text()[-4000:]}")


def _origin(job: str) -> RemoteJobOrigin:
    """Return where a webserver would have found the job."""
    target = LoadableTargetOrigin(python_file=jobs.__file__)
    location = ManagedGrpcPythonEnvCodeLocationOrigin(loadable_target_origin=target, location_name="tests")
    return RemoteRepositoryOrigin(location, "__repository__").get_job_origin(job)
