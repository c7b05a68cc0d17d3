"""Housekeeping: blocks whose documents have all moved on are retired, history is forgotten, old runs deleted."""

import dagster as dg
from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES, BulkActionsFilter, BulkActionStatus
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._core.storage.tags import PARTITION_NAME_TAG
from pydantic import Field

from rag_assets.run_retention import delete_old_runs
from rag_assets.versions import code_version_of
from rag_core.collection import Collection
from rag_core.identity import partition_key
from rag_core.planning import COLLECTION_TAG, job_name
from rag_core.run_places import housekeeping_tags
from resources.ingestion_resource import IngestionResource


class HousekeepingConfig(dg.Config):
    """What a person may ask of housekeeping that the schedule never does."""

    however_many: bool = Field(
        default=False,
        description="Delete Parquet files that the catalog does not know, even where they are most of all files.",
    )


def build_housekeeping_job(collection: Collection, blocks: dg.DynamicPartitionsDefinition) -> dg.JobDefinition:
    """Return the job that retires a collection's empty blocks and deletes Parquet files that nothing names."""

    @dg.op(name=f"housekeep_{collection.name}", out=dg.Out(dg.Nothing))
    def housekeep(context: dg.OpExecutionContext, config: HousekeepingConfig, ingestion: IngestionResource) -> None:
        """Retire blocks in the catalog first, then delete their partition keys: a crash between is mended next time.

        No key is deleted that a backfill or a run still needs; it goes an hour later.
        """
        opened = ingestion.opened(
            collection.name, run_id=context.run_id, code_version=code_version_of(collection), say=context.log.info
        )
        with opened as work:
            done = work.housekeep(however_many=config.however_many)
            keep_days = work.settings.history_days
        known = set(context.instance.get_dynamic_partitions(str(blocks.name)))
        gone = known.intersection(partition_key(block) for block in done.retired)
        gone = set[str]() if _backfill_goes_on(context.instance) else gone - _keys_of_runs(context.instance)
        for key in sorted(gone):
            context.instance.delete_dynamic_partition(str(blocks.name), key)
        runs = delete_old_runs(context.instance, context.job_name, keep_days=keep_days)
        if done.runs_in_use is not None:
            runs += delete_old_runs(
                context.instance,
                job_name(collection.name),
                keep_days=keep_days,
                retired={partition_key(block) for block in done.retired},
                in_use=done.runs_in_use,
            )
        context.add_output_metadata(
            {
                "retired": done.retired_now,
                "files_deleted": done.files_deleted,
                "partition_keys_deleted": len(gone),
                "parquet_rows_forgotten": done.rows_forgotten,
                "blocks_folded": done.blocks_folded,
                "runs_deleted": runs,
            }
        )
        if done.refused is not None:
            raise done.refused

    @dg.job(
        name=f"housekeep_{collection.name}_job",
        executor_def=dg.in_process_executor,
        description=f"Retires empty blocks of {collection.name} and deletes Parquet files that nothing names.",
        tags={COLLECTION_TAG: collection.name, **housekeeping_tags(collection.runs)},
    )
    def keeping() -> None:
        housekeep()

    return keeping


def build_housekeeping_schedule(collection: Collection, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """Return the schedule that keeps house once an hour."""
    return dg.ScheduleDefinition(
        name=f"housekeep_{collection.name}",
        job=job,
        cron_schedule="17 * * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Keeps house in {collection.name} every hour.",
    )


def _backfill_goes_on(instance: dg.DagsterInstance) -> bool:
    """Say whether any backfill is unfinished: it fails when a partition that it was asked for is gone."""
    unfinished = [status for status in BulkActionStatus if status not in BULK_ACTION_TERMINAL_STATUSES]
    return bool(instance.get_backfills(filters=BulkActionsFilter(statuses=unfinished), limit=1))


def _keys_of_runs(instance: dg.DagsterInstance) -> set[str]:
    runs = instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES))
    return {run.tags[PARTITION_NAME_TAG] for run in runs if PARTITION_NAME_TAG in run.tags}
