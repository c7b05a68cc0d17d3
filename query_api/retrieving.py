"""From a question to passages, and from passages to an answer: encode, ask for scores, read the best, fuse, quote."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from query_api.encoding import Encoders
from query_api.observing.stages import Stage, Staged, unmeasured
from query_api.rights import asked_of
from rag_core.answering.extractive import Abstained, Answer, Question, Vector, abstention, answer_from
from rag_core.callers import Caller
from rag_core.citations import Passage, distinct_passages
from rag_core.filters import Condition, parse_filters
from rag_core.fusion import Fusion, Mode, Ranked, contenders, fuse, term_bounds
from rag_core.identity import Json
from rag_core.sparse import SparseVector
from rag_core.vector_index import Candidates, IndexSearcher, ServedIndex

DEPTH = 100
"""How many points each list is asked for before they are fused."""
_SPARE = 2
"""So many points more than passages are looked at: equal texts are one passage."""
_WIDER = 4
"""How many times as many are looked at where that was not enough."""


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
        asked = self._asked(query, index)
        with self.stage(Stage.SEARCH):
            candidates = self.searcher.candidates(
                index,
                dense=asked.dense,
                sparse=asked.sparse,
                groups=asked.groups,
                conditions=asked.conditions,
                limit=asked.depth,
            )
        tops, counts = candidates.term_tops, asked.sparse.values
        bounds = term_bounds(tops, counts, points=index.points, k1=index.spec.bm25_k1)
        return Found(
            index=index,
            passages=self._best(query, index, asked, candidates, bound=sum(bounds)),
            term_weights=dict(zip(asked.sparse.indices, bounds, strict=True)),
        )

    def _asked(self, query: Query, index: ServedIndex) -> "_Asked":
        conditions = parse_filters(query.filters, index.fields)
        with self.stage(Stage.ENCODE):
            sparse = SparseVector(indices=(), values=())
            if query.mode is not Mode.DENSE:
                sparse = self.encoders.bm25(index.spec).query(query.text)
            dense = None if query.mode is Mode.SPARSE else self.encoders.dense(index.spec, query.text)
        return _Asked(
            dense=dense,
            sparse=sparse,
            groups=query.caller.groups_within(query.groups),
            conditions=conditions,
            depth=max(DEPTH, 2 * query.top_k),
        )

    def _best(
        self, query: Query, index: ServedIndex, asked: "_Asked", found: Candidates, *, bound: float
    ) -> list[Passage]:
        """Return the best passages of different texts; payloads are read of as few points as that takes."""
        is_summed = query.mode is Mode.HYBRID and query.fusion is Fusion.BOUNDED_SUM
        ranked: Sequence[Ranked] = ()
        if not is_summed:  # final by the lists alone
            ranked = fuse(found.dense, found.sparse, mode=query.mode, fusion=query.fusion, bound=bound)
        there_are = len(found.dense.keys() | found.sparse.keys()) if is_summed else len(ranked)
        looked_at = query.top_k + _SPARE
        while True:
            if is_summed:
                points = contenders(found.dense, found.sparse, bound=bound, limit=looked_at, depth=asked.depth)
            else:
                points = [each.point_id for each in ranked[:looked_at]]
            with self.stage(Stage.READ):
                read = self.searcher.read(
                    index,
                    points,
                    dense=asked.dense if is_summed else None,
                    sparse=asked.sparse if is_summed else None,
                    groups=asked.groups,
                    conditions=asked.conditions,
                )
            with self.stage(Stage.FUSE):
                best = fuse(read.dense, read.sparse, bound=bound) if is_summed else ranked
                there = [each for each in best if each.point_id in read.payloads]
                surely = distinct_passages(there[:looked_at], read.payloads, limit=query.top_k)
            if len(surely) == query.top_k or looked_at >= there_are:
                return distinct_passages(there, read.payloads, limit=query.top_k)
            looked_at *= _WIDER


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A query as the index takes it; ``depth`` is how many points each list is asked for."""

    dense: Vector | None
    sparse: SparseVector
    groups: Sequence[str] | None
    conditions: Sequence[Condition]
    depth: int
