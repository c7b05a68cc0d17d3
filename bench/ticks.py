"""What a tick costs: sweeps over very many unchanged objects, and looking for due work among a million arrivals."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import psycopg

from bench.results import Results
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


def measure_ticks(stack: BenchStack, *, objects: Sequence[int], arrivals: int, results: Results) -> None:
    """Sweep thousands of unchanged objects, then look for due work among ``arrivals``, in a database beside.

    The sweeps and the looks are those that the sensors make, called without Dagster around them.
    """
    url = stack.secret("database_url")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {_DATABASE}")
    with open_catalog(f"{url.rpartition('/')[0]}/{_DATABASE}") as catalog:
        for count in objects:
            seconds, longest, number = _unchanged_sweep(catalog, stack.folder / f"objects_{count}", count)
            results.tell(f"sweep of {count:,} unchanged objects", seconds=seconds, ticks=number, longest_s=longest)
            if count == NAMED_OBJECTS:
                results.set("tick_s_100k_objects", seconds)
        if NAMED_OBJECTS not in objects:
            results.miss("tick_s_100k_objects", f"a tenth is measured: {max(objects):,} objects, in the details")
        _due_ticks(catalog, arrivals, results)
        seconds, longest, _ = _unchanged_sweep(catalog, stack.folder / "objects_1000", 1000, collection="again")
        results.tell(f"beside {arrivals:,} arrivals", sweep_of_1000_objects_s=seconds)


def _unchanged_sweep(
    catalog: Catalog, folder: Path, objects: int, *, collection: str | None = None
) -> tuple[float, float, int]:
    """Return the seconds of all ticks of a sweep that finds nothing new, of the longest, and how many there were."""
    _fill(folder, objects)
    source = BucketSource(name="objects", url=folder.as_uri(), sweep=Sweep(interval_s=1))
    declared = Collection(name=collection or f"objects_{objects}", sources=(source,))
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
    limits = PartitionLimits(size=512, bytes=2**28)
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
        catalog.recording.record(collection.name, collection.sources[0].name, seen, limits=limits)


def _due_ticks(catalog: Catalog, arrivals: int, results: Results) -> None:
    limits = PartitionLimits(size=512, bytes=2**28)
    began = time.perf_counter()
    for start in range(0, arrivals, _AT_ONCE):
        observations = _observations(start, min(arrivals, start + _AT_ONCE))
        catalog.recording.record("arrivals", "objects", observations, limits=limits)
    recorded_s = time.perf_counter() - began
    spent = []
    for _ in range(5):
        began = time.perf_counter()
        catalog.claims.sweep_dead(lambda _: False)
        catalog.wait_for_due(["arrivals"], timeout_s=0)
        claims = catalog.claims.request("arrivals", limit=4, launch_grace_s=120)
        plan_runs(claims, partition_exists=lambda _: True)
        if not claims:
            break  # few arrivals: every block is claimed
        spent.append(time.perf_counter() - began)
    if not spent:
        raise RuntimeError("no claim was given although everything is due")
    results.tell(
        f"beside {arrivals:,} arrivals",
        recorded_per_s=arrivals / recorded_s,
        tick_that_asks_for_four_runs_s=median(spent),
    )


def _observations(start: int, end: int) -> Iterator[Observation]:
    for number in range(start, end):
        key = f"{number // _FOLDER_FILES:06d}/{number:08d}.txt"
        uri = f"file:///bench/{key}"
        yield Observation(key=key, uri=uri, presence=Presence.PRESENT, announced=f"v{number}", size_bytes=1000)


def _fill(folder: Path, objects: int) -> None:
    if folder.exists():
        return
    for number in range(objects):
        if number % _FOLDER_FILES == 0:
            inside = folder / f"{number // _FOLDER_FILES:06d}"
            inside.mkdir(parents=True)
        (inside / f"{number:08d}.txt").write_bytes(b"x")
