"""What a due-work sensor answers: pure functions of the claims it took and the partitions that exist.

Partition keys and run keys are functions of state alone, because a tick that crashed is evaluated again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from rag_core.identity import partition_key

COLLECTION_TAG = "rag/collection"
PRIORITY_TAG = "dagster/priority"
PRIORITIES = {"fresh": 10, "batch": 0, "backfill": -10}
"""Fresh single documents go before sensors' batches, those before backfills."""


def job_name(collection: str) -> str:
    """Return the name of the job that ingests a block of a collection."""
    return f"ingest_{collection}_job"


def blocks_name(collection: str) -> str:
    """Return the name of a collection's partitions definition in Dagster."""
    return f"{collection}_blocks"


class Claimed(Protocol):
    """A block's claim, as the catalog counts it."""

    @property
    def collection(self) -> str:
        """The collection's name."""
        ...

    @property
    def partition(self) -> int:
        """The block's number."""
        ...

    @property
    def lane(self) -> str:
        """One of ``PRIORITIES``."""
        ...

    @property
    def run_key(self) -> str:
        """Differs for each taking of the claim."""
        ...

    @property
    def tags(self) -> dict[str, str]:
        """What the run finds its claim by."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """A run to ask for."""

    run_key: str
    partition_key: str
    tags: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """The partition keys to add first, and the runs to ask for then."""

    new_partitions: tuple[str, ...]
    runs: tuple[PlannedRun, ...]


def plan_runs(claims: Iterable[Claimed], *, partition_exists: Callable[[str], bool]) -> RunPlan:
    """Return a run for each claim, most urgent first, and the partitions that Dagster does not know yet."""
    runs = [
        PlannedRun(
            run_key=claim.run_key,
            partition_key=partition_key(claim.partition),
            tags={**claim.tags, COLLECTION_TAG: claim.collection, PRIORITY_TAG: str(PRIORITIES[claim.lane])},
        )
        for claim in sorted(claims, key=lambda each: (-PRIORITIES[each.lane], each.partition))
    ]
    keys = sorted({run.partition_key for run in runs})
    return RunPlan(new_partitions=tuple(key for key in keys if not partition_exists(key)), runs=tuple(runs))


def runs_to_request(*, waiting: int, most_waiting: int) -> int:
    """Return how many more runs to ask for while ``waiting`` have not started: a queue is no place to keep work."""
    return max(0, most_waiting - waiting)
