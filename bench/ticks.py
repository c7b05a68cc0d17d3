"""What a tick costs: sweeps over very many unchanged objects, and looking for due work among a million arrivals."""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import psycopg

from bench.found import Found
from bench.stack import BenchStack
from rag_core.arrivals import Observation, Presence
from rag_core.collection import BucketSource, Collection, Sweep
from rag_core.objects import announced_version
from rag_core.planning import plan_runs
from resources.clients.catalog import Catalog, open_catalog
from resources.clients.catalog.values import PartitionLimits
from resources.clients.object_store import ObjectStore, open_store
from sensors.sweep import SourceSweep
from sensors.sweep_tick import TickEnd

NAMED_OBJECTS = 100_000
_DATABASE = "bench_ticks"
_AT_ONCE = 50_000
_FOLDER_FILES = 1000
_LIMITS = PartitionLimits(size=512, bytes=2**28)


def fill(folder: Path, objects: int) -> None:
    """Make a folder with so many empty files, unless it is there."""
    if folder.exists():
        return
    for first in range(0, objects, _FOLDER_FILES):
        inside = folder / f"{first // _FOLDER_FILES:06d}"
        inside.mkdir(parents=True)
        for number in range(first, min(objects, first + _FOLDER_FILES)):
            os.mknod(f"{inside}/{number:08d}.txt", 0o600)  # a third of the time that opening and writing takes


def folder_of(prepared: Path, objects: int) -> Path:
    """Return the folder that holds so many objects."""
    return prepared / f"objects_{objects}"


def measure_ticks(stack: BenchStack, prepared: Path, *, objects: Sequence[int], arrivals: int, found: Found) -> None:
    """Sweep thousands of unchanged objects, then look for due work among ``arrivals``, in a database beside.

    The sweeps and the looks are those that the sensors make, called without Dagster around them. Arrivals that the
    sweeps' objects are already need not be made.
    """
    url = stack.secret("database_url")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {_DATABASE}")
    with open_catalog(f"{url.rpartition('/')[0]}/{_DATABASE}") as catalog:
        for count in objects:
            seconds, longest, number = _unchanged_sweep(catalog, prepared, count, f"objects_{count}")
            found.tell(f"sweep of {count:,} unchanged objects", seconds=seconds, ticks=number, longest_s=longest)
            if count == NAMED_OBJECTS:
                found.set("tick_s_100k_objects", seconds)
        if NAMED_OBJECTS not in objects:
            found.miss("tick_s_100k_objects", f"{max(objects):,} objects were swept at most, in the details")
        beside = f"beside {arrivals:,} arrivals"
        collection = f"objects_{max(objects)}"
        if arrivals > max(objects):
            collection = "arrivals"
            found.tell(beside, recorded_per_s=_record_made(catalog, collection, arrivals))
        found.tell(beside, tick_that_asks_for_four_runs_s=_due_tick_s(catalog, collection))
        seconds, _, _ = _unchanged_sweep(catalog, prepared, min(objects), "again")
        found.tell(beside, **{f"sweep_of_{min(objects)}_objects_s": seconds})


def _unchanged_sweep(catalog: Catalog, prepared: Path, objects: int, collection: str) -> tuple[float, float, int]:
    """Return the seconds of all ticks of a sweep that finds nothing new, of the longest, and how many there were."""
    folder = folder_of(prepared, objects)
    fill(folder, objects)
    source = BucketSource(name="objects", url=folder.as_uri(), sweep=Sweep(interval_s=1))
    declared = Collection(name=collection, sources=(source,))
    store = open_store(source, folder)
    _record_all(catalog, declared, store)

    def tick() -> tuple[float, TickEnd, int]:
        sweep = SourceSweep(collection=declared, source=source, base_dir=folder, store=store, catalog=catalog)
        began = time.perf_counter()
        found = sweep.tick()
        return time.perf_counter() - began, found.end, found.recorded

    ticks: list[float] = []
    while True:
        seconds, end, recorded = tick()
        if recorded:
            raise RuntimeError(f"{recorded} of {objects} unchanged objects were recorded again")
        ticks.append(seconds)
        if end is TickEnd.COMPLETE:
            return sum(ticks), max(ticks), len(ticks)


def _record_all(catalog: Catalog, collection: Collection, store: ObjectStore) -> None:
    """Record what the folder holds as a sweep would."""
    for page in store.pages("", page_size=_AT_ONCE):
        seen = [
            Observation(
                key=each.key,
                uri=store.uri(each.key),
                presence=Presence.PRESENT,
                announced=announced_version(each, None),
                size_bytes=each.size_bytes,
            )
            for each in page.objects
        ]
        catalog.recording.record(collection.name, collection.sources[0].name, seen, limits=_LIMITS)


def _record_made(catalog: Catalog, collection: str, arrivals: int) -> float:
    """Return how many arrivals were recorded in a second."""
    began = time.perf_counter()
    for start in range(0, arrivals, _AT_ONCE):
        observations = _observations(start, min(arrivals, start + _AT_ONCE))
        catalog.recording.record(collection, "objects", observations, limits=_LIMITS)
    return arrivals / (time.perf_counter() - began)


def _due_tick_s(catalog: Catalog, collection: str) -> float:
    """Return the seconds of a tick that asks for four runs of a collection in which everything is due."""
    spent = []
    for _ in range(5):
        began = time.perf_counter()
        catalog.claims.sweep_dead(lambda _: False)
        catalog.wait_for_due([collection], timeout_s=0)
        claims = catalog.claims.request(collection, limit=4, launch_grace_s=120)
        plan_runs(claims, partition_exists=lambda _: True)
        if not claims:
            break  # few arrivals: every block is claimed
        spent.append(time.perf_counter() - began)
    if not spent:
        raise RuntimeError("no claim was given although everything is due")
    return median(spent)


def _observations(start: int, end: int) -> Iterator[Observation]:
    for number in range(start, end):
        key = f"{number // _FOLDER_FILES:06d}/{number:08d}.txt"
        uri = f"file:///bench/{key}"
        yield Observation(key=key, uri=uri, presence=Presence.PRESENT, announced=f"v{number}", size_bytes=1000)
