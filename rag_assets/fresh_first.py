"""Which run starts when: fresh single documents at once, everything else from Dagster's queue.

Waiting runs are rows in Dagster's database and nowhere else.
"""

from collections.abc import Mapping
from typing import Any, Self

from dagster import DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.run_coordinator.base import SubmitRunContext
from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator
from dagster._core.storage.tags import BACKFILL_ID_TAG
from dagster._serdes import ConfigurableClassData

from rag_core.planning import PRIORITIES, PRIORITY_TAG
from resources.clients.catalog.values import LANE_TAG, Lane

KEPT_FOR_FRESH = 1
"""So many fresh runs start whatever else is running: a backfill never makes a fresh document wait."""

_UNDER_WAY = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]


class FreshFirstCoordinator(QueuedRunCoordinator):
    """Launches a fresh run as soon as it is submitted while there is room for one; queues all other runs.

    A fresh run that finds no room waits in the queue at its head. Backfills wait behind sensors' runs.
    """

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """Return the coordinator that ``dagster.yaml`` describes; its settings are the queue's."""
        return cls(
            inst_data=inst_data,
            dequeue_interval_seconds=config_value.get("dequeue_interval_seconds"),
            dequeue_use_threads=config_value.get("dequeue_use_threads"),
        )

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Launch the run or enqueue it."""
        run = context.dagster_run
        if BACKFILL_ID_TAG in run.tags and PRIORITY_TAG not in run.tags:
            self._instance.add_run_tags(run.run_id, {PRIORITY_TAG: str(PRIORITIES["backfill"])})
        if run.status is DagsterRunStatus.NOT_STARTED and self._has_room_for(run):
            return self._instance.launch_run(run.run_id, context.workspace)
        return super().submit_run(context)

    def takes_one_now(self) -> bool:
        """Say whether the launcher could start a run at this moment."""
        return True

    def _has_room_for(self, run: DagsterRun) -> bool:
        if run.tags.get(LANE_TAG) != Lane.FRESH.value:
            return False
        return (self._is_one_free() or self._under_way(Lane.FRESH) < KEPT_FOR_FRESH) and self.takes_one_now()

    def _is_one_free(self) -> bool:
        """Say whether the queue itself would start another run now."""
        queue = self._instance.get_concurrency_config().run_queue_config
        return queue is not None and self._under_way() < queue.max_concurrent_runs

    def _under_way(self, lane: Lane | None = None) -> int:
        tags = {} if lane is None else {LANE_TAG: lane.value}
        return self._instance.get_runs_count(RunsFilter(statuses=_UNDER_WAY, tags=tags))
