"""Finished runs of a collection and their event rows, kept for some days: the newest block is filled by many runs.

A run that a partition's state rests on stays for ever: one is deleted only where a newer run that a sensor asked for,
which takes all four layers, succeeded on the same partition.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.tags import PARTITION_NAME_TAG

from resources.clients.catalog.values import CLAIM_TAG

MOST_AT_ONCE = 500
"""So many runs are deleted in one go; the rest waits for the next hour."""


def delete_old_runs(
    instance: dg.DagsterInstance,
    job: str,
    partitions: list[str],
    *,
    keep_days: float,
    most: int = MOST_AT_ONCE,
) -> int:
    """Delete runs of ``job`` that ended on these partitions more than ``keep_days`` ago and that newer ones replaced.

    Returns how many; repeating it deletes nothing more. A run's events go with it.
    """
    before = datetime.now(UTC) - timedelta(days=keep_days)
    deleted = 0
    for partition in partitions:
        tags = {PARTITION_NAME_TAG: partition}
        last = instance.get_run_records(
            dg.RunsFilter(job_name=job, tags=tags, statuses=[dg.DagsterRunStatus.SUCCESS]), limit=20
        )
        newest = next((one for one in last if CLAIM_TAG in one.dagster_run.tags), None)
        if newest is None:
            continue
        old = dg.RunsFilter(job_name=job, tags=tags, statuses=FINISHED_STATUSES, created_before=before)
        for record in instance.get_run_records(old, limit=most - deleted, ascending=True):
            is_replaced = record.create_timestamp < newest.create_timestamp
            if is_replaced and record.dagster_run.run_id != newest.dagster_run.run_id:
                instance.delete_run(record.dagster_run.run_id)
                deleted += 1
        if deleted >= most:
            break
    return deleted
