"""From a file written to its text found: one small document in an idle stack, and one edit among very many."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

from bench.found import Found
from bench.ingestion import ingest
from bench.stack import BenchStack, put
from evaluation.api import Api
from evaluation.datasets import Record
from evaluation.staging import key_of
from rag_core.errors import RagError

_ASK_EVERY_S = 0.04
_LIMIT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """One document's way, in seconds from its file's writing; ``ended`` is the run's end in Dagster."""

    recorded: float
    asked: float
    started: float
    committed: float
    found: float
    ended: float


def measure_freshness(stack: BenchStack, collection: str, times: int, found: Found) -> None:
    """Write one small document at a time into an idle stack and ask until it is found."""
    rng = random.Random(3)
    with stack.api() as api:
        ways = []
        for number in range(times):
            word = f"zz{uuid4().hex[:12]}"
            text = f"Note {number}\n\nThe password of the day is {word}, said the guard at the gate.\n"
            ways.append(_way(stack, api, collection, f"fresh/{word}.txt", text, word))
            time.sleep(rng.uniform(0.2, 2.2))  # not in step with anything that looks once a second
    seconds = sorted(way.found for way in ways)
    found.set("freshness_s_p50", median(seconds))
    found.set("freshness_s_p95", percentile(seconds, 0.95))
    found.tell("one new document", times=times, **_stages(ways))


def measure_one_edit(
    stack: BenchStack, collection: str, corpus: list[Record], prepared: Path, times: int, found: Found
) -> None:
    """Ingest very many small documents, then edit one at a time."""
    ingest(stack, collection, corpus, prepared)
    with stack.api() as api:
        ways = []
        for number in range(times):
            record = corpus[number * len(corpus) // times]
            word = f"zz{uuid4().hex[:12]}"
            ways.append(_way(stack, api, collection, key_of(record.id), f"{record.text} And {word}.\n", word))
            time.sleep(0.5)
    found.set("one_edit_s", median(way.found for way in ways))
    found.tell(f"one edit in {len(corpus):,} documents", times=times, **_stages(ways))


def _way(stack: BenchStack, api: Api, collection: str, key: str, text: str, word: str) -> Fresh:
    stack.wait_idle(collection)
    folder = stack.sources / collection
    written = put(folder, key, text)
    passage = wait_for(api, collection, word)
    found = time.time()
    run_id = passage["lineage"]["made_by"]["run_id"]
    stack.wait_idle(collection)
    uri = (folder / key).as_uri()
    document = next(each for each in api.below(collection, uri) if each["uri"] == uri)
    run = stack.run(run_id)
    return Fresh(
        recorded=datetime.fromisoformat(document["recorded_at"]).timestamp() - written,
        asked=run["creationTime"] - written,
        started=run["startTime"] - written,
        committed=datetime.fromisoformat(document["indexed"]["at"]).timestamp() - written,
        found=found - written,
        ended=run["endTime"] - written,
    )


def wait_for(api: Api, collection: str, word: str) -> dict[str, Any]:
    """Return the passage with a word as soon as the API finds it."""
    ends = time.monotonic() + _LIMIT_S
    while time.monotonic() < ends:
        try:
            results = api.search(collection, word, mode="sparse", top_k=1)
        except RagError:
            results = []
        if results and word in results[0]["text"]:
            return results[0]
        time.sleep(_ASK_EVERY_S)
    raise TimeoutError(f"{word} was not found within {_LIMIT_S} s")


def _stages(ways: Sequence[Fresh]) -> dict[str, float]:
    """Return the median seconds of each stage; they add up to about the whole."""
    return {
        "s_until_recorded": median(way.recorded for way in ways),
        "s_until_a_run_is_asked_for": median(way.asked - way.recorded for way in ways),
        "s_until_it_starts": median(way.started - way.asked for way in ways),
        "s_until_committed": median(way.committed - way.started for way in ways),
        "s_until_found": median(way.found - way.committed for way in ways),
        "s_found_p50": median(way.found for way in ways),
        "s_found_worst": max(way.found for way in ways),
        "s_until_the_run_ended": median(way.ended for way in ways),
    }


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` of the sorted values lie."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
