"""A run that cannot start any more gives its place back within seconds, not when the time for its start is over.

Dagster's monitoring asks the launcher about runs that have started. One whose process or pod ends before that keeps one
of the queue's places for ``start_timeout_seconds``. This part of the daemon asks about those runs as well.
"""

import logging
import sys
import time
from collections.abc import Sequence
from typing import Any

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.launcher.base import WorkerStatus
from dagster._core.workspace.context import IWorkspaceProcessContext
from dagster._daemon.controller import create_daemons_from_instance
from dagster._daemon.daemon import DaemonIterator, DagsterDaemon, IntervalDaemon
from dagster._daemon.utils import DaemonErrorCapture

LONGEST_LAUNCH_S = 150.0
"""Longer than launchers go on handing a run over: a worker that is not there by then does not come."""

_log = logging.getLogger("dagster.daemon.StartingRuns")


class StartingRuns(IntervalDaemon[IWorkspaceProcessContext]):
    """Fails each run whose worker ended before the run began; Dagster's retries take over from there."""

    @classmethod
    def daemon_type(cls) -> str:
        """Return the name of this part's heartbeat."""
        return "STARTING_RUNS"

    def run_iteration(self, workspace_process_context: IWorkspaceProcessContext) -> DaemonIterator:
        """Look at every run that is starting; one that cannot be looked at does not stop the others."""
        instance = workspace_process_context.instance
        for run in instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.STARTING])):
            try:
                end_if_lost(instance, run)
            except Exception:  # noqa: BLE001 - whatever it is, it is shown in the UI, and the next run is looked at
                yield DaemonErrorCapture.process_exception(
                    exc_info=sys.exc_info(), logger=_log, log_message=f"Could not look at run {run.run_id}"
                )
            else:
                yield None


def daemons_of(instance: DagsterInstance) -> Sequence[DagsterDaemon[Any]]:
    """Return the parts of Dagster's daemon, and this one where runs are monitored and workers can be asked after."""
    own = create_daemons_from_instance(instance)
    if not instance.run_monitoring_enabled or not instance.run_launcher.supports_check_run_worker_health:
        return own
    return [*own, StartingRuns(interval_seconds=instance.run_monitoring_poll_interval_seconds)]


def end_if_lost(instance: DagsterInstance, run: DagsterRun, *, longest_launch_s: float = LONGEST_LAUNCH_S) -> bool:
    """Fail a starting run whose worker is over, or never came; say whether that was so."""
    health = instance.run_launcher.check_run_worker_health(run)
    if health.status is WorkerStatus.NOT_FOUND:
        launched_s = instance.get_run_stats(run.run_id).launch_time
        if launched_s is None or time.time() - launched_s < longest_launch_s:
            return False
    elif health.status not in {WorkerStatus.FAILED, WorkerStatus.SUCCESS}:
        return False
    now = instance.get_run_by_id(run.run_id)
    if now is None or now.status is not DagsterRunStatus.STARTING:
        return False  # it began, or ended, while we looked
    message = f"The run's worker was gone before the run began ({health.msg or health.status.value})."
    try:
        seen = instance.run_launcher.get_run_worker_debug_info(run)
    except Exception:  # noqa: BLE001 - it would only be told with the failure
        _log.exception("Could not ask what became of the worker of run %s", run.run_id)
        seen = None
    _log.info("Run %s: %s", run.run_id, message)
    instance.report_run_failed(now, f"{message}\n{seen}" if seen else message)
    return True
