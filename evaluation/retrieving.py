"""Rankings of documents as the API gives them: a document's score is that of its best chunk."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from evaluation.api import LARGEST_TOP_K, Api

DOCUMENTS = 100
"""As many documents as the deepest metric looks at."""

_FIRST_TOP_K = 250
_THREADS = 2

Run = Mapping[str, Mapping[str, float]]
"""Score by document by query."""


def retrieve(
    api: Api,
    collection: str,
    queries: Mapping[str, str],
    *,
    mode: str,
    id_of: Callable[[str], str | None],
    seen: Callable[[int], None] = lambda _: None,
) -> Run:
    """Return each query's documents; ``id_of`` gives a URI's document id, None for what is not of the corpus.

    As many chunks are asked for as it takes to see 100 documents. A document whose id is the query's own is left out,
    as BEIR does: there the query is a document of the corpus.
    """
    run: dict[str, Mapping[str, float]] = {}
    with ThreadPoolExecutor(_THREADS) as pool:
        found = pool.map(lambda item: _ranked(api, collection, item[1], mode, id_of), queries.items())
        for number, (identity, scores) in enumerate(zip(queries, found, strict=True), start=1):
            run[identity] = {document: score for document, score in scores.items() if document != identity}
            seen(number)
    return run


def _ranked(
    api: Api, collection: str, query: str, mode: str, id_of: Callable[[str], str | None]
) -> Mapping[str, float]:
    top_k = _FIRST_TOP_K
    while True:
        passages = api.search(collection, query, mode=mode, top_k=top_k)
        scores = best_by_document(passages, id_of)
        if len(scores) > DOCUMENTS or len(passages) < top_k or top_k >= LARGEST_TOP_K:
            return dict(sorted(scores.items(), key=lambda item: -item[1])[: DOCUMENTS + 1])
        top_k = min(LARGEST_TOP_K, 2 * top_k)


def best_by_document(passages: Sequence[Mapping[str, Any]], id_of: Callable[[str], str | None]) -> dict[str, float]:
    """Return the best score by document; a text that several documents share counts for each of them."""
    best: dict[str, float] = {}
    for passage in passages:
        for place in (passage, *passage["also_at"]):
            document = id_of(place["uri"])
            if document is not None and passage["score"] > best.get(document, float("-inf")):
                best[document] = passage["score"]
    return best
