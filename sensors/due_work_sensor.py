"""The sensor that asks for runs: level-triggered, it looks at what is due and not at what happened."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import dagster as dg

from rag_core.collection import Collection
from rag_core.planning import COLLECTION_TAG, RunPlan, plan_runs, runs_to_request
from sensors.connections import OpenCatalog, shared_catalog

if TYPE_CHECKING:
    from dagster._core.definitions.target import ExecutableDefinition

    from resources.clients.catalog import Catalog

WAIT_S = 15.0
"""Long poll: below 19.5 s, or a whole step of the daemon's 5 s grid is lost."""

LAUNCH_GRACE_S = 120.0
"""How long a run may take from being asked for to its start; then the block is asked for again under a new number."""

MOST_FRESH_DUE = 16
"""A block with so few due documents goes first: someone waits for them."""

MOST_WAITING_RUNS = 4
_WAITING = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING]


def build_due_work_sensor(
    collection: Collection,
    *,
    job: "ExecutableDefinition",
    partitions_def: dg.DynamicPartitionsDefinition,
    wait_s: float = WAIT_S,
    launch_grace_s: float = LAUNCH_GRACE_S,
    open_catalog: OpenCatalog = shared_catalog,
) -> dg.SensorDefinition:
    """Return the sensor ``due_<collection>``, which waits for due work and asks for a run for each block of it."""

    @dg.sensor(
        name=f"due_{collection.name}",
        job=job,
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Waits for blocks with due work that nobody works on, adds their partitions, asks for their runs.",
        tags={"rag/collection": collection.name},
    )
    def due(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        instance = context.instance
        waiting = instance.get_runs_count(
            dg.RunsFilter(
                statuses=_WAITING,
                tags={COLLECTION_TAG: collection.name, "dagster/sensor_name": f"due_{collection.name}"},
            )
        )
        limit = runs_to_request(waiting=waiting, most_waiting=MOST_WAITING_RUNS)
        if limit == 0:
            return dg.SkipReason(
                f"{waiting} runs of {collection.name} wait to start; no more are asked for until they do."
            )
        catalog = open_catalog()
        ask_where_spec_differs(catalog, collection)
        plan = look_for_due_work(
            catalog,
            collection.name,
            limit=limit,
            wait_s=wait_s,
            launch_grace_s=launch_grace_s,
            is_dead=lambda run_id: is_over(instance, run_id),
            partition_exists=lambda key: instance.has_dynamic_partition(str(partitions_def.name), key),
        )
        if not plan.runs:
            return dg.SkipReason(
                f"Waited {wait_s:.0f} s: nothing of {collection.name} is due that is not being worked on."
            )
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(run_key=run.run_key, partition_key=run.partition_key, tags=run.tags) for run in plan.runs
            ],
            dynamic_partitions_requests=(
                [partitions_def.build_add_request(list(plan.new_partitions))] if plan.new_partitions else []
            ),
        )

    return due


def look_for_due_work(
    catalog: "Catalog",
    collection: str,
    *,
    limit: int,
    wait_s: float,
    launch_grace_s: float,
    is_dead: Callable[[str], bool],
    partition_exists: Callable[[str], bool],
) -> RunPlan:
    """Make dead runs' work due again, wait for due work, take claims and plan their runs.

    A claim whose run is never submitted, because this tick dies after taking it, lapses after ``launch_grace_s``; the
    block is then claimed under the next number, so its run key is new to Dagster.
    """
    from resources.clients.catalog.values import Lane

    catalog.claims.sweep_dead(is_dead)
    if collection not in catalog.wait_for_due([collection], timeout_s=wait_s):
        return RunPlan(new_partitions=(), runs=())
    claims = catalog.claims.request(collection, limit=limit, launch_grace_s=launch_grace_s)
    claims = [replace(claim, lane=Lane.FRESH) if claim.due <= MOST_FRESH_DUE else claim for claim in claims]
    return plan_runs(claims, partition_exists=partition_exists)


def ask_where_spec_differs(catalog: "Catalog", collection: Collection) -> int:
    """Make documents due that another parser, chunking or metadata rule made, a bounded number a tick; return how many.

    The old text goes on answering until the new one is written; the steps that nothing changed for are not repeated.
    """
    from resources.ingestion.specs import processing_spec

    active = catalog.indexes.active(collection.name)
    if active is None:
        return 0
    return catalog.due.make_due_where_spec_differs(collection.name, active[0], processing_spec(collection))


def is_over(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Say whether a run can write no more: it has ended, or Dagster has forgotten it."""
    run = instance.get_run_by_id(run_id)
    return run is None or run.is_finished
