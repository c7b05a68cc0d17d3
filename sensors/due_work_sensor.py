"""The sensor that asks for runs: level-triggered, it looks at what is due and not at what happened."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from rag_core.collection import Collection
from rag_core.planning import COLLECTION_TAG, RunPlan, plan_runs, runs_to_request
from resources.clients.collection_files import LoadedCollection
from sensors.connections import OpenCatalog, OpenDependencies, shared_catalog, shared_dependencies
from sensors.declarations import declared_now
from sensors.dependencies import require, served_collections
from sensors.time_limits import TimeLeft

if TYPE_CHECKING:
    from dagster._core.definitions.target import ExecutableDefinition

    from resources.clients.catalog import Catalog

WAIT_S = 15.0
TICK_S = 19.0
"""Long poll and all: below 19.5 s, or a whole step of the daemon's 5 s grid is lost. A tick that takes longer fails."""

_CLAIMING_S = 3.5
"""What the wait leaves for looking at the dependencies once more and for taking claims."""

MOST_FRESH_DUE = 16
"""A block with so few due documents goes first: someone waits for them."""

YIELD_S = 0.3
"""How long new work is left to whoever launches fresh work at once; a run asked for there starts a second sooner."""

MOST_WAITING_RUNS = 4
_WAITING = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING]


def build_due_work_sensor(
    loaded: LoadedCollection,
    *,
    job: "ExecutableDefinition",
    partitions_def: dg.DynamicPartitionsDefinition,
    wait_s: float = WAIT_S,
    tick_s: float = TICK_S,
    open_catalog: OpenCatalog = shared_catalog,
    open_dependencies: OpenDependencies = shared_dependencies,
) -> dg.SensorDefinition:
    """Return the sensor ``due_<collection>``, which waits for due work and asks for a run for each block of it."""
    name = loaded.collection.name

    @dg.sensor(
        name=f"due_{name}",
        job=job,
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Waits for blocks with due work that nobody works on, adds their partitions, asks for their runs. "
        "It fails while the vector index or the part store is away, or while the collection's file is broken.",
        tags={"rag/collection": name},
    )
    def due(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        instance = context.instance
        left = TimeLeft(tick_s)

        def look() -> RunPlan | str:
            collection = declared_now(loaded).collection  # runs read the file when they start: that is asked for
            return look_for_due_work(
                collection,
                open_catalog(),
                left=left,
                wait_s=wait_s,
                launch_grace_s=collection.runs.launch_grace_s,
                require_dependencies=lambda: require(open_dependencies()),
                is_served=lambda: name in served_collections(open_dependencies()),
                runs_waiting=lambda: count_waiting(instance, name),
                is_dead=lambda run_id: is_over(instance, run_id),
                partition_exists=lambda key: instance.has_dynamic_partition(str(partitions_def.name), key),
            )

        plan = left.answer(
            look,
            name=f"due_{name}",
            waits_for="the catalog or Dagster's database",
            remedy="Nothing is lost; the next tick looks again.",
        )
        if isinstance(plan, str):
            return dg.SkipReason(plan)
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
    collection: Collection,
    catalog: "Catalog",
    *,
    left: TimeLeft,
    wait_s: float,
    launch_grace_s: float,
    require_dependencies: Callable[[], None],
    is_served: Callable[[], bool],
    runs_waiting: Callable[[], int],
    is_dead: Callable[[str], bool],
    partition_exists: Callable[[str], bool],
) -> RunPlan | str:
    """Return the runs to ask for, their claims taken, or a sentence that says why there are none.

    1. Make dead runs' work due again, whatever else holds: their documents would wait for nobody.
    2. Look at what every run needs, before and after the wait: a claim is taken only for a run that can do its work.
    3. Ask for no more while runs wait: a queue is no place to keep work.
    4. Wait for due work, then take claims. A claim whose run is never submitted, because this tick dies after taking
       it, lapses after ``launch_grace_s``; its block is then claimed under the next number, a run key new to Dagster.
    5. Where nothing is due, see that the index is still there: one that was lost would stay empty while no source
       changes.
    """
    from resources.clients.catalog.values import Lane

    catalog.claims.sweep_dead(is_dead)
    require_dependencies()
    waiting = max(runs_waiting(), catalog.claims.requested(collection.name))
    limit = runs_to_request(waiting=waiting, most_waiting=MOST_WAITING_RUNS)
    if limit == 0:
        return f"{waiting} runs of {collection.name} wait to start; no more are asked for until they do."
    ask_where_spec_differs(catalog, collection)
    wait_s = min(wait_s, max(0.0, left.seconds - _CLAIMING_S))
    if collection.name not in catalog.wait_for_due([collection.name], timeout_s=wait_s):
        lost = 0 if is_served() else _make_lost_due(catalog, collection.name)
        if lost:
            return f"The index of {collection.name} is gone: its {lost} documents are due and will be written anew."
        return f"Waited {wait_s:.0f} s: nothing of {collection.name} is due{_but_waiting(catalog, collection.name)}."
    time.sleep(YIELD_S)
    require_dependencies()
    if left.seconds <= 0:
        return "The tick's time was over before a claim could be taken."
    claims = catalog.claims.request(collection.name, limit=limit, launch_grace_s=launch_grace_s)
    claims = [replace(claim, lane=Lane.FRESH) if claim.due <= MOST_FRESH_DUE else claim for claim in claims]
    if not claims:
        return f"Others took what was due of {collection.name}."
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


def _but_waiting(catalog: "Catalog", collection: str) -> str:
    """Return what is due all the same, because a run works on its block: a large document holds up those behind it."""
    busy = catalog.claims.waiting_behind(collection)
    if not busy:
        return " that is not being worked on"
    now = datetime.now(UTC)
    return " but what waits for a run that works on its block: " + "; ".join(
        f"{each.waiting} documents for run {each.run_id[:8]}, {(now - each.since).total_seconds():.0f} s at work"
        for each in busy
    )


def _make_lost_due(catalog: "Catalog", collection: str) -> int:
    active = catalog.indexes.active(collection)
    return 0 if active is None else catalog.indexes.lost(collection, active[0])


def count_waiting(instance: dg.DagsterInstance, collection: str) -> int:
    """Return how many runs that the collection's sensor asked for have not started."""
    tags = {COLLECTION_TAG: collection, "dagster/sensor_name": f"due_{collection}"}
    return instance.get_runs_count(dg.RunsFilter(statuses=_WAITING, tags=tags))


def is_over(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Say whether a run can write no more: it has ended, or Dagster has forgotten it."""
    run = instance.get_run_by_id(run_id)
    return run is None or run.is_finished
