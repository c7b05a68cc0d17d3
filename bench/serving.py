"""The query API against what it stands on: bare embedding and bare Qdrant, in turns on the same questions."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from statistics import median

from bench.encode import MODEL
from bench.found import Found
from bench.stack import BenchStack
from rag_core.index_spec import DENSE, SPARSE
from rag_core.sparse import Bm25
from resources.clients.embedders import open_embedder
from resources.clients.qdrant.connect import connect

TOP_K = 10
_CALLERS = 4


def measure_search(stack: BenchStack, collection: str, questions: list[str], seconds: float, found: Found) -> None:
    """Ask each question once through the API and once bare; then both as fast as four callers can.

    Bare is one embedding in this process and one batch with both lists, ten points each with their payloads: no
    bounds, no fusion, no rights, no citations.
    """
    from qdrant_client.http import models

    embedder = open_embedder(MODEL, cache_dir=stack.home / "models")
    bm25 = Bm25(k1=1.2, b=0.75, average_length=60.0)
    with stack.api() as api, closing(connect(stack.setting("qdrant_url"))) as client:

        def bare(question: str) -> None:
            words = bm25.query(question)
            sparse = models.SparseVector(indices=list(words.indices), values=list(words.values))
            asked = ((embedder.embed_query(question).tolist(), DENSE), (sparse, SPARSE))
            client.query_batch_points(
                collection,
                [
                    models.QueryRequest(
                        query=models.NearestQuery(nearest=query), using=name, limit=TOP_K, with_payload=True
                    )
                    for query, name in asked
                ],
            )

        def through_api(question: str) -> None:
            api.search(collection, question, mode="hybrid", top_k=TOP_K)

        for warm in questions[:5]:
            bare(warm)
            through_api(warm + " ?")
        times: dict[str, list[float]] = {"api": [], "bare": []}
        for number, question in enumerate(questions):
            pair: list[tuple[str, Callable[[str], None]]] = [("api", through_api), ("bare", bare)]
            for name, call in pair if number % 2 else reversed(pair):
                began = time.perf_counter()
                call(question)
                times[name].append(time.perf_counter() - began)
        found.set("search_p50_vs_bare", median(times["api"]) / median(times["bare"]))
        ordered = sorted(times["api"])
        found.tell(
            "search",
            questions=len(questions),
            api_ms_p50=1000 * median(ordered),
            api_ms_p95=1000 * ordered[int(0.95 * (len(ordered) - 1))],
            bare_ms_p50=1000 * median(times["bare"]),
            api_requests_per_s=_rate(through_api, questions, seconds),
            bare_requests_per_s=_rate(bare, questions, seconds),
        )
    embedder.close()


def _rate(call: Callable[[str], None], questions: list[str], seconds: float) -> float:
    """Return how many calls a second several callers get through; no question is asked twice, so no memory helps."""
    ends = time.perf_counter() + seconds
    done = [0] * _CALLERS
    failed: list[BaseException] = []

    def caller(place: int) -> None:
        try:
            while time.perf_counter() < ends:
                number = done[place]
                call(f"{questions[(number * _CALLERS + place) % len(questions)]} {place} {number}")
                done[place] += 1
        except Exception as error:  # noqa: BLE001 - raised below, in the thread that measures
            failed.append(error)

    threads = [threading.Thread(target=caller, args=(place,)) for place in range(_CALLERS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return sum(done) / (time.perf_counter() - began)
