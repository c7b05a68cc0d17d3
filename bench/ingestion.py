"""Folder to searchable, through Dagster, against the raw encoder on the same chunks; and again with nothing changed."""

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench.encoders import OURS, encode, texts_embedded
from bench.found import Found
from bench.processes import Watched
from bench.stack import BenchStack
from evaluation.datasets import Record
from evaluation.settling import wait_until_settled
from evaluation.staging import stage

_LIMIT_S = 7200


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """One ingestion: from the first run's start to the last commit; ``staged_s`` counts from the folder's filling."""

    chunks: int
    run_s: float
    staged_s: float


def ingest(stack: BenchStack, collection: str, corpus: list[Record], prepared: Path) -> Ingested:
    """Fill the collection's folder and wait until all of it answers and its runs have ended.

    The files are written to ``prepared`` first, if they are not there yet: writing them is not what is measured.
    """
    folder = stack.sources / collection
    staged = stage(corpus, prepared)
    with stack.api() as api:
        began = time.time()
        for path in sorted(prepared.iterdir()):
            path.replace(folder / path.name)
        settled = wait_until_settled(api, collection, folder, staged.ids, limit_s=_LIMIT_S, seen=lambda _: None)
        stack.wait_idle(collection)
        answering = [document["indexed"] for document in api.documents(collection) if document["indexed"]]
    committed = max(datetime.fromisoformat(indexed["at"]).timestamp() for indexed in answering)
    runs: list[dict[str, Any]] = stack.runs(collection)
    started = min(run["startTime"] for run in runs if run["startTime"])
    return Ingested(chunks=settled.chunks, run_s=committed - started, staged_s=committed - began)


class EndToEnd:
    """Ingestions of one corpus in turns with the raw encoder; the median of their ratios counts.

    The encoder encodes every ``raw_every`` nth of the very chunks that were ingested, in the order of their length:
    what is left out is as long as what is encoded.
    """

    def __init__(self, raw_every: int, found: Found) -> None:
        self._raw_every = raw_every
        self._found = found
        self._ratios: list[float] = []

    def measure(self, stack: BenchStack, collection: str, corpus: list[Record], prepared: Path) -> Ingested:
        """Ingest the corpus into a new collection of a running stack, then encode its chunks."""
        with Watched(stack.home) as watched:
            done = ingest(stack, collection, corpus, prepared)
        texts = texts_embedded(stack.parquet(collection))
        if len(texts) != done.chunks:
            raise RuntimeError(f"{done.chunks} chunks are indexed and {len(texts)} are in Parquet")
        texts = sorted(texts, key=len)[self._raw_every // 2 :: self._raw_every]
        raw = encode(texts, OURS)[OURS]
        self._ratios.append((done.chunks / done.run_s) / (len(texts) / raw["seconds"]))
        self._conclude(len(corpus), done, len(texts), raw)
        self._found.tell("core-seconds end to end", **watched.core_s())
        self._found.tell("peak MB end to end", **watched.peak_mb())
        self._peak(watched.run_peak_mb())
        return done

    def _conclude(self, documents: int, done: Ingested, encoded: int, raw: dict[str, Any]) -> None:
        self._found.set("end_to_end_vs_encoder", median(self._ratios))
        self._found.tell(
            "end to end",
            documents=documents,
            chunks=done.chunks,
            chunks_per_s=done.chunks / done.run_s,
            seconds_from_first_runs_start_to_last_commit=done.run_s,
            seconds_from_files_written_to_last_commit=done.staged_s,
            chunks_encoded_raw=encoded,
            raw_encoder_chunks_per_s=encoded / raw["seconds"],
            raw_encoder_core_s_for_all_chunks=raw["core_s"] * done.chunks / encoded,
            repetitions=len(self._ratios),
            ratios=" ".join(f"{ratio:.3f}" for ratio in self._ratios),
        )

    def _peak(self, peak_mb: float | None) -> None:
        key = "run_peak_mb"
        if peak_mb is not None:
            self._found.set(key, max(peak_mb, float(self._found.values.get(key) or 0)))
        elif key not in self._found.values:
            self._found.miss(key, "no run was seen among the stack's processes")


def measure_rerun(stack: BenchStack, collection: str, first: Ingested, found: Found) -> None:
    """Materialize every block again, as a person would in Dagster's UI, with nothing changed."""
    with stack.api() as api:
        partitions = sorted({document["partition"] for document in api.documents(collection)})
    runs = stack.materialize(collection, partitions, limit_s=_LIMIT_S)
    if any(run["status"] != "SUCCESS" for run in runs):
        raise RuntimeError(f"the runs ended {sorted({run['status'] for run in runs})}")
    numbers = [stack.numbers(run["runId"]) for run in runs]
    seconds = max(run["endTime"] for run in runs) - min(run["startTime"] for run in runs)
    found.set("rerun_embedded", int(sum(each.get("run_embedded", 0) for each in numbers)))
    found.set("rerun_written", int(sum(each.get("run_points_written", 0) for each in numbers)))
    found.set("rerun_vs_first", seconds / first.run_s)
    found.tell("re-run, nothing changed", runs=len(runs), seconds=seconds)
