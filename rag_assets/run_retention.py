"""Finished runs and their event rows, kept for some days: the newest block of a collection is filled by many runs.

What the present rests on stays for ever: runs behind vectors that serve, and of each partition the last run that a
sensor asked for, which takes all four layers, with all since.
"""

from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES, RunRecord
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_START_TAG, PARTITION_NAME_TAG

from resources.clients.catalog.values import CLAIM_TAG

MOST_AT_ONCE = 5000
"""So many runs are deleted in one go; the rest waits for the next time."""

_PAGE = 500


def delete_old_runs(
    instance: dg.DagsterInstance,
    job: str,
    *,
    keep_days: float,
    retired: AbstractSet[str] = frozenset(),
    in_use: AbstractSet[str] = frozenset(),
    most: int = MOST_AT_ONCE,
) -> int:
    """Delete finished runs of ``job`` that began more than ``keep_days`` ago, but those ``in_use``; return how many.

    One on a partition goes only where a newer one replaced it; one on a partition of ``retired``, or without any, goes
    by its age alone. Repeating it deletes nothing more. A run's events go with it.
    """
    before = datetime.now(UTC) - timedelta(days=keep_days)
    old = dg.RunsFilter(job_name=job, statuses=FINISHED_STATUSES, created_before=before)
    replaced_before: dict[str, datetime | None] = {}
    chosen: list[str] = []
    cursor: str | None = None
    while len(chosen) < most and (page := instance.get_run_records(old, limit=_PAGE, cursor=cursor, ascending=True)):
        cursor = page[-1].dagster_run.run_id
        for record in page:
            run, partition = record.dagster_run, record.dagster_run.tags.get(PARTITION_NAME_TAG)
            if run.run_id in in_use or ASSET_PARTITION_RANGE_START_TAG in run.tags:
                continue
            if partition is not None and partition not in retired:
                if partition not in replaced_before:
                    newest = _newest_of_all_layers(instance, job, partition)
                    replaced_before[partition] = None if newest is None else newest.create_timestamp
                replaced = replaced_before[partition]
                if replaced is None or record.create_timestamp >= replaced:
                    continue
            chosen.append(run.run_id)
    for run_id in chosen[:most]:
        instance.delete_run(run_id)
    return min(len(chosen), most)


def _newest_of_all_layers(instance: dg.DagsterInstance, job: str, partition: str) -> RunRecord | None:
    """Return the last run that a sensor asked for on a partition, if it is among the last that succeeded."""
    succeeded = dg.RunsFilter(
        job_name=job, tags={PARTITION_NAME_TAG: partition}, statuses=[dg.DagsterRunStatus.SUCCESS]
    )
    last = instance.get_run_records(succeeded, limit=20)
    return next((one for one in last if CLAIM_TAG in one.dagster_run.tags), None)
