"""When to abstain, and whether the quotes answer: questions with and without an answer, over whole passages.

    python -m bench.abstention --data ../shared/data/squad2_dev_half --other ../shared/data/clapnq_dev --questions 300

Prints how well the best passage's bounded-sum score tells answerable questions from a collection's own unanswerable
ones and from questions that belong to the other collection (AUC), what each threshold answers of the three kinds, and
how often a quote of an answered question holds the expected answer.
"""

import argparse
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag_core.answering.extractive import Question, answer_from
from rag_core.citations import distinct_passages
from rag_core.embedding import Embedder
from rag_core.fusion import fuse, term_bounds
from rag_core.index_spec import Payload
from rag_core.sparse import Bm25
from resources.clients.embedders import open_embedder

BM25 = Bm25(k1=1.2, b=0.75, average_length=100.0)


class Corpus:
    """Passages in memory with exact BM25 and cosine, scored as the index scores them."""

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        rows = _lines(folder / "corpus.jsonl")
        self.texts = {row["_id"]: row["text"] for row in rows}
        embedded = [f"{row['title']}\n\n{row['text']}" for row in rows]
        self.ids = [row["_id"] for row in rows]
        self.dense = np.asarray(embedder.embed_documents(embedded))
        self.sparse = [dict(zip(v.indices, v.values, strict=True)) for v in map(BM25.document, embedded)]
        self.frequency = Counter(term for vector in self.sparse for term in vector)
        self.embedder = embedder

    def found(self, text: str) -> tuple[Question, list[Any]]:
        """Return the question and its eight best passages."""
        query = BM25.query(text)
        number = len(self.ids)
        idf = {t: math.log(1 + (number - self.frequency[t] + 0.5) / (self.frequency[t] + 0.5)) for t in query.indices}
        per_term = {
            t: {i: v * n * idf[t] for i, vector in zip(self.ids, self.sparse, strict=True) if (v := vector.get(t))}
            for t, n in zip(query.indices, query.values, strict=True)
        }
        worded: Counter[str] = Counter()
        for scores in per_term.values():
            worded.update(scores)
        vector = np.asarray(self.embedder.embed_query(text))
        cosines = self.dense @ vector
        nearest = {self.ids[i] for i in np.argsort(-cosines)[:100]}
        candidates = nearest | {identity for identity, _ in worded.most_common(100)}
        near = {identity: float(cosines[i]) for i, identity in enumerate(self.ids) if identity in candidates}
        tops = [max(per_term[t].values(), default=0.0) for t in query.indices]
        bounds = term_bounds(tops, query.values, points=number, k1=BM25.k1)
        ranked = fuse(near, {each: worded[each] for each in candidates & worded.keys()}, bound=sum(bounds))
        payloads = {each.point_id: {Payload.TEXT: self.texts[each.point_id]} for each in ranked}
        weights = dict(zip(query.indices, bounds, strict=True))
        question = Question(text=text, vector=vector.tolist(), term_weights=weights)
        return question, distinct_passages(ranked, payloads, limit=8)


def main() -> None:
    """Measure one collection against another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--other", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    embedder = open_embedder(arguments.model, threads=arguments.threads)
    corpus = Corpus(arguments.data, embedder)
    own = _lines(arguments.data / "answers.jsonl")
    kinds = {
        "answerable": _spread([row for row in own if row["answerable"]], arguments.questions),
        "unanswerable": _spread([row for row in own if not row["answerable"]], arguments.questions),
        "foreign": _spread(_lines(arguments.other / "answers.jsonl"), arguments.questions),
    }
    scores = {kind: np.array([_best(corpus, row["question"]) for row in rows]) for kind, rows in kinds.items()}
    for kind in ("unanswerable", "foreign"):
        print(f"AUC answerable against {kind}: {_auc(scores['answerable'], scores[kind]):.3f}")
    print("threshold  " + "  ".join(f"{kind:>12}" for kind in kinds) + "   (share answered)")
    for threshold in np.arange(0.2, 0.71, 0.05):
        print(f"{threshold:9.2f}  " + "  ".join(f"{np.mean(scores[kind] >= threshold):12.3f}" for kind in kinds))
    holds = [_quotes_hold(corpus, row) for row in kinds["answerable"]]
    print(f"quotes hold the expected answer: {np.mean([a for a, _ in holds]):.3f}; first quote: ", end="")
    print(f"{np.mean([f for _, f in holds]):.3f} of {len(holds)}")
    embedder.close()


def _best(corpus: Corpus, question: str) -> float:
    _, passages = corpus.found(question)
    return passages[0].score if passages else 0.0


def _quotes_hold(corpus: Corpus, row: dict[str, Any]) -> tuple[bool, bool]:
    question, passages = corpus.found(row["question"])
    answer = answer_from(
        question,
        passages,
        threshold=0.0,
        terms_of=lambda text: frozenset(BM25.query(text).indices),
        embed=lambda texts: list(corpus.embedder.embed_documents(texts)),
    )
    holding = [any(gold.lower() in quote.text.lower() for gold in row["answers"]) for quote in answer.quotes]
    return any(holding), holding[:1] == [True]


def _auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Return the probability that a positive scores above a negative, ties counted half."""
    above = (positive[:, None] > negative[None, :]).mean()
    return float(above + 0.5 * (positive[:, None] == negative[None, :]).mean())


def _spread(rows: Sequence[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    step = max(1, len(rows) // number)
    return list(rows[::step][:number])


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
