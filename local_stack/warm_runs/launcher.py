"""Dagster's run launcher for one machine: hands a run to a worker that waits for it."""

import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from dagster import DagsterRun, StringSource
from dagster._config.config_schema import UserConfigSchema
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._serdes import ConfigurableClass, ConfigurableClassData

from local_stack.warm_runs.handing_over import hand_over, is_worker_waiting
from local_stack.warm_runs.places import records_folder, workers_socket
from local_stack.warm_runs.records import RunRecords

PATIENCE_S = 90.0
"""How long a launch waits for the pool: longer than it takes to come back, shorter than Dagster's start timeout."""


class WarmRunLauncher(RunLauncher, ConfigurableClass):  # pyright: ignore[reportMissingTypeArgument] - as Dagster's own
    """Starts runs in the worker processes of the stack in ``home``."""

    def __init__(self, home: Path, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__()
        self._inst_data = inst_data
        self._socket = workers_socket(home)
        self._records = RunRecords(records_folder(home))

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """What Dagster configured this launcher with."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Return the schema of the configuration in ``dagster.yaml``."""
        return {"home": StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """Return the launcher that ``dagster.yaml`` describes."""
        return cls(home=Path(config_value["home"]), inst_data=inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Hand the run to a worker; raises when none takes it, and Dagster then fails the run by name."""
        hand_over(self._socket, context.dagster_run.run_id, patience_s=PATIENCE_S)

    def is_worker_waiting(self) -> bool:
        """Say whether a worker would take a run now."""
        return is_worker_waiting(self._socket)

    def terminate(self, run_id: str) -> bool:
        """Ask the run's worker to stop, as a person does in the UI; False if it is not running."""
        run = self._instance.get_run_by_id(run_id)
        worker = self._records.worker_of(run_id)
        if run is None or run.is_finished or worker is None:
            return False
        self._instance.report_run_canceling(run)
        return self._interrupt(run_id, worker)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Let Dagster's run monitoring ask after workers."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Say whether the run's worker lives."""
        was_taken = self._records.has(run.run_id)  # first: a worker may take the run between the two looks
        worker = self._records.worker_of(run.run_id)
        if worker is not None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=str(worker))
        if was_taken:
            return CheckRunHealthResult(WorkerStatus.FAILED, "The worker process of this run died.")
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "No worker process has this run.")

    def _interrupt(self, run_id: str, worker: int) -> bool:
        """Send SIGTERM to the process that holds the run, and to no other that got its number meanwhile."""
        with contextlib.suppress(ProcessLookupError):
            if not hasattr(os, "pidfd_open"):  # not Linux
                os.kill(worker, signal.SIGTERM)
                return True
            process = os.pidfd_open(worker)
            try:
                if self._records.worker_of(run_id) == worker:
                    signal.pidfd_send_signal(process, signal.SIGTERM)
                    return True
            finally:
                os.close(process)
        return False
