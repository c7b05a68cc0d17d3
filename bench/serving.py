"""The query API against what it stands on: bare embedding and bare Qdrant, in turns on the same questions."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from statistics import median

from bench.encode import MODEL
from bench.found import Found
from bench.stack import BenchStack
from query_api.retrieving import DEPTH
from rag_core.index_spec import DENSE, SPARSE
from rag_core.sparse import Bm25
from resources.clients.embedders import open_embedder
from resources.clients.qdrant.connect import connect

TOP_K = 10
_CALLERS = 4
_WARM = 5


def measure_search(stack: BenchStack, collection: str, questions: list[str], seconds: float, found: Found) -> None:
    """Ask each question through the API, bare, and for the two lists alone, in turns; then as fast as four callers can.

    Bare is the same embedding in this process and what the API asks Qdrant for, sent directly: both lists and each
    term's best, then the payloads of ten points. No rights, no fusion, no true scores, no citations. The lists alone,
    ten points each with their payloads in one batch, are told beside it: they are less than a hybrid answer needs.
    """
    from qdrant_client.http import models

    embedder = open_embedder(MODEL, cache_dir=stack.home / "models")
    bm25 = Bm25(k1=1.2, b=0.75, average_length=60.0)
    with stack.api() as api, closing(connect(stack.setting("qdrant_url"))) as client:

        def request(query: list[float] | models.SparseVector, limit: int, *, payload: bool) -> models.QueryRequest:
            using = DENSE if isinstance(query, list) else SPARSE
            nearest = models.NearestQuery(nearest=query)
            return models.QueryRequest(query=nearest, using=using, limit=limit, with_payload=payload)

        def worded(terms: list[tuple[int, float]]) -> models.SparseVector:
            return models.SparseVector(indices=[term for term, _ in terms], values=[weight for _, weight in terms])

        def bare(question: str) -> None:
            dense, words = embedder.embed_query(question).tolist(), bm25.query(question)
            terms = list(zip(words.indices, words.values, strict=True))
            lists = [request(dense, DEPTH, payload=False), request(worded(terms), DEPTH, payload=False)]
            best, *_ = client.query_batch_points(
                collection, [*lists, *(request(worded([term]), 1, payload=False) for term in terms)]
            )
            client.retrieve(collection, [point.id for point in best.points[:TOP_K]], with_payload=True)

        def lists_alone(question: str) -> None:
            dense, words = embedder.embed_query(question).tolist(), bm25.query(question)
            terms = list(zip(words.indices, words.values, strict=True))
            client.query_batch_points(
                collection, [request(query, TOP_K, payload=True) for query in (dense, worded(terms))]
            )

        def through_api(question: str) -> None:
            api.search(collection, question, mode="hybrid", top_k=TOP_K)

        ways: list[tuple[str, Callable[[str], None]]] = [
            ("api", through_api),
            ("bare", bare),
            ("lists alone", lists_alone),
        ]
        times: dict[str, list[float]] = {name: [] for name, _ in ways}
        for number, question in enumerate([f"{each} ?" for each in questions[:_WARM]] + questions):
            turned = number % len(ways)
            for name, call in ways[turned:] + ways[:turned]:
                began = time.perf_counter()
                call(question)
                if number >= _WARM:
                    times[name].append(time.perf_counter() - began)
        found.set("search_p50_vs_bare", median(times["api"]) / median(times["bare"]))
        ordered = sorted(times["api"])
        found.tell(
            "search",
            questions=len(questions),
            api_ms_p50=1000 * median(ordered),
            api_ms_p95=1000 * ordered[int(0.95 * (len(ordered) - 1))],
            bare_ms_p50=1000 * median(times["bare"]),
            lists_alone_ms_p50=1000 * median(times["lists alone"]),
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
