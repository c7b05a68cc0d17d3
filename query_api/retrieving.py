"""From a question to passages, and from passages to an answer: encode, one batch to the index, fuse, quote."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from query_api.encoding import Encoders
from query_api.observing.stages import Stage, Staged, unmeasured
from query_api.rights import asked_of
from rag_core.answering.extractive import Abstained, Answer, Question, abstention, answer_from
from rag_core.callers import Caller
from rag_core.citations import Passage, distinct_passages
from rag_core.filters import parse_filters
from rag_core.fusion import Fusion, Mode, fuse, term_bounds
from rag_core.identity import Json
from rag_core.sparse import SparseVector
from rag_core.vector_index import IndexSearcher, ServedIndex

DEPTH = 100
"""How many points each list is asked for before they are fused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to look for and for whom; ``groups`` narrow what the caller may see, ``None`` leaves it as it is."""

    caller: Caller
    collection: str
    text: str
    mode: Mode = Mode.HYBRID
    fusion: Fusion = Fusion.BOUNDED_SUM
    top_k: int = 10
    filters: Mapping[str, Json]
    groups: Sequence[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The passages, best first, the index they came from, and what each of the question's terms could add."""

    index: ServedIndex
    passages: Sequence[Passage]
    term_weights: Mapping[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retriever:
    """Answers queries from the index that a collection's alias points at."""

    searcher: IndexSearcher
    encoders: Encoders
    answer_threshold: float
    stage: Staged = unmeasured
    pending: Callable[[str], int] = lambda _: 0
    """How many documents of a collection wait, for who asks before its first run."""

    def search(self, query: Query) -> Found:
        """Return the passages of a query; raises ``UnknownCollection`` and what the index raises."""
        return asked_of(
            query.caller, self.searcher, query.collection, lambda index: self._search(query, index), self.pending
        )

    def why_not(self, found: Found) -> Abstained | None:
        """Return why nothing may answer from these passages, or None where they reach the threshold."""
        return abstention(found.passages, threshold=self.answer_threshold)

    def quoted(self, query: Query, found: Found) -> Answer:
        """Return the quotes of a query's passages that answer, or the reason why none does."""
        spec = found.index.spec
        bm25 = self.encoders.bm25(spec)
        return answer_from(
            Question(text=query.text, vector=self.encoders.dense(spec, query.text), term_weights=found.term_weights),
            found.passages,
            threshold=self.answer_threshold,
            terms_of=lambda text: frozenset(bm25.query(text).indices),
            embed=lambda texts: list(self.encoders.sentences(spec, texts)),
        )

    def _search(self, query: Query, index: ServedIndex) -> Found:
        conditions = parse_filters(query.filters, index.fields)
        spec = index.spec
        with self.stage(Stage.ENCODE):
            sparse = SparseVector(indices=(), values=())
            if query.mode is not Mode.DENSE:
                sparse = self.encoders.bm25(spec).query(query.text)
            dense = None if query.mode is Mode.SPARSE else self.encoders.dense(spec, query.text)
        with self.stage(Stage.SEARCH):
            candidates = self.searcher.candidates(
                index,
                dense=dense,
                sparse=sparse,
                groups=query.caller.groups_within(query.groups),
                conditions=conditions,
                limit=max(DEPTH, 2 * query.top_k),
            )
        if dense is not None and query.mode is Mode.HYBRID and query.fusion is Fusion.BOUNDED_SUM:
            with self.stage(Stage.COMPLETE):
                candidates = self.searcher.completed(index, candidates, dense=dense, sparse=sparse)
        with self.stage(Stage.FUSE):
            bounds = term_bounds(candidates.term_tops, sparse.values, points=index.points, k1=spec.bm25_k1)
            ranked = fuse(candidates.dense, candidates.sparse, mode=query.mode, fusion=query.fusion, bound=sum(bounds))
            passages = distinct_passages(ranked, candidates.payloads, limit=query.top_k)
        return Found(
            index=index,
            passages=passages,
            term_weights=dict(zip(sparse.indices, bounds, strict=True)),
        )
