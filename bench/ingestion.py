"""Folder to searchable, through Dagster, against the raw encoder on the same chunks; and again with nothing changed."""

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench.encoders import OURS, encode, texts_embedded
from bench.processes import Watched
from bench.results import Results
from bench.stack import BenchStack
from evaluation.api import Api
from evaluation.datasets import Record
from evaluation.settling import wait_until_settled
from evaluation.staging import stage

DOCS, WARM = "docs", "warm"
_WARM_RECORDS = 24
_LIMIT_S = 7200


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """One ingestion: from the first run's start to the last commit; ``staged_s`` counts from the folder's filling."""

    chunks: int
    run_s: float
    staged_s: float
    texts: list[str]


def new_stack(folder: Path) -> BenchStack:
    """Return a stack with the two collections of this part; the warm one makes models and code ready."""
    stack = BenchStack(folder)
    stack.declare(WARM)
    stack.declare(DOCS)
    return stack


def measure_once(stack: BenchStack, corpus: list[Record], results: Results, ratios: list[float]) -> Ingested:
    """Ingest the corpus in a fresh running stack, then encode its chunks; adds their ratio to ``ratios``."""
    with stack.api() as api:
        _ingest(stack, api, WARM, corpus[:_WARM_RECORDS])
        with Watched(stack.home) as watched:
            done = _ingest(stack, api, DOCS, corpus)
    raw = encode(done.texts, OURS)[OURS]
    ratios.append(raw["seconds"] / done.run_s)
    results.tell(
        "end to end",
        documents=len(corpus),
        chunks=done.chunks,
        chunks_per_s=done.chunks / done.run_s,
        seconds_from_first_runs_start_to_last_commit=done.run_s,
        seconds_from_files_written_to_last_commit=done.staged_s,
        raw_encoder_chunks_per_s=done.chunks / raw["seconds"],
        raw_encoder_core_s=raw["core_s"],
    )
    results.tell("core-seconds end to end", **watched.core_s())
    results.tell("peak MB end to end", **watched.peak_mb())
    peak = watched.run_peak_mb()
    if peak is None:
        results.miss("run_peak_mb", "no run was seen among the stack's processes")
    else:
        known = results.values.get("run_peak_mb") or 0.0
        results.set("run_peak_mb", max(float(known), peak))
    return done


def conclude(ratios: list[float], results: Results) -> None:
    """Record the median of the repetitions' ratios."""
    results.set("end_to_end_vs_encoder", median(ratios))
    results.tell("end to end", repetitions=len(ratios), ratios=" ".join(f"{ratio:.3f}" for ratio in ratios))


def measure_rerun(stack: BenchStack, first: Ingested, results: Results) -> None:
    """Materialize every block again, as a person would in Dagster's UI, with nothing changed."""
    with stack.api() as api:
        partitions = sorted({document["partition"] for document in api.documents(DOCS)})
    runs = stack.backfill(DOCS, partitions, limit_s=_LIMIT_S)
    if not runs or any(run["status"] != "SUCCESS" for run in runs):
        reason = f"the runs of the backfill ended {sorted({run['status'] for run in runs})}"
        for key in ("rerun_embedded", "rerun_written", "rerun_vs_first"):
            results.miss(key, reason)
        return
    numbers = [stack.numbers(run["runId"]) for run in runs]
    seconds = max(run["endTime"] for run in runs) - min(run["startTime"] for run in runs)
    results.set("rerun_embedded", int(sum(each.get("run_embedded", 0) for each in numbers)))
    results.set("rerun_written", int(sum(each.get("run_points_written", 0) for each in numbers)))
    results.set("rerun_vs_first", seconds / first.run_s)
    results.tell("re-run, nothing changed", runs=len(runs), seconds=seconds)


def _ingest(stack: BenchStack, api: Api, collection: str, corpus: list[Record]) -> Ingested:
    """Fill the folder and wait until all of it answers."""
    folder = stack.sources / collection
    began = time.time()
    beside = stack.folder / "staging" / collection
    staged = stage(corpus, beside)  # first beside the source: writing files is not what is measured
    for path in sorted(beside.iterdir()):
        path.replace(folder / path.name)
    began = time.time()
    settled = wait_until_settled(api, collection, folder, staged.ids, limit_s=_LIMIT_S, seen=lambda _: None)
    stack.wait_idle(collection)
    committed = max(datetime.fromisoformat(d["indexed"]["at"]).timestamp() for d in api.documents(collection))
    runs: list[dict[str, Any]] = stack.runs(collection)
    started = min(run["startTime"] for run in runs if run["startTime"])
    texts = texts_embedded(stack.parquet(collection))
    if len(texts) != settled.chunks:
        raise RuntimeError(f"{settled.chunks} chunks are indexed and {len(texts)} are in Parquet")
    return Ingested(chunks=settled.chunks, run_s=committed - started, staged_s=committed - began, texts=texts)
