"""BM25 as sparse vectors: the document's share here, the query's weights here, IDF in the index.

The score of a document is the dot product of both, times IDF, which the index computes from what it holds:
sum over the query's terms of idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average_length))
(Robertson and Zaragoza, *The Probabilistic Relevance Framework: BM25 and Beyond*, 2009).
"""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from rag_core.analyzer import analyze


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseVector:
    """Term indices (uint32, ascending, none twice) and their weights."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bm25:
    """BM25 with fixed constants; ``average_length`` is in terms and part of the index spec."""

    k1: float
    b: float
    average_length: float

    def document(self, text: str) -> SparseVector:
        """Return a document's vector: each term's saturated, length-normalized frequency."""
        counts = Counter(term_index(term) for term in analyze(text))
        norm = self.k1 * (1 - self.b + self.b * counts.total() / self.average_length)
        return _vector({index: count * (self.k1 + 1) / (count + norm) for index, count in counts.items()})

    def query(self, text: str) -> SparseVector:
        """Return a query's vector: how often each term is asked for."""
        return _vector({index: float(n) for index, n in Counter(term_index(term) for term in analyze(text)).items()})

    def query_terms(self, text: str) -> tuple[SparseVector, ...]:
        """Return each term of a query as a query of its own; their best scores bound what the query can score."""
        query = self.query(text)
        return tuple(
            SparseVector(indices=(index,), values=(value,))
            for index, value in zip(query.indices, query.values, strict=True)
        )


@lru_cache(maxsize=65_536)
def term_index(term: str) -> int:
    """Return a term's index, the same on every machine: 32 bits of its BLAKE2b digest."""
    return int.from_bytes(blake2b(term.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "big")


def _vector(weights: dict[int, float]) -> SparseVector:
    ordered = sorted(weights.items())
    return SparseVector(indices=tuple(index for index, _ in ordered), values=tuple(value for _, value in ordered))
