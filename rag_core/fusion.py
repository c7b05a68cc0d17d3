"""Fusion: two ranked lists, one by meaning (dense) and one by words (sparse), become one.

The default is the bounded sum, ``w · max(0, cosine) + (1 - w) · bm25 / bound``: a convex combination with theoretical
bounds (Bruch, Gai, Ingber, *An Analysis of Fusion Functions for Hybrid Retrieval*, ACM TOIS 2023). ``bound`` is what
the query could score at most, so a score lies in [0, 1] and means the same for every query; abstention relies on that.
It needs both scores of every candidate: to count what lies below a list's cut as 0 costs what the bounds gain (SciFact,
160-token chunks, nDCG@10: lists of 100 with zeros 0.729, with the true scores 0.738; lists of 50, 200 or of everything
with the true scores 0.738, too). So the true scores are read of what could be among the best (``contenders``, after the
bounds of the threshold algorithm: Fagin, Lotem, Naor, PODS 2001), and the depth of the lists hardly matters; what
lies below the cut of both is not looked for.
Reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009) and distribution-based score fusion (mean ± 3 standard
deviations of each list) are there for comparison: both stretch whatever list they get.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

RRF_K = 60
DENSE_WEIGHT = 0.5


class Fusion(StrEnum):
    """How the two lists become one."""

    BOUNDED_SUM = "bounded_sum"
    RRF = "rrf"
    DBSF = "dbsf"


class Mode(StrEnum):
    """Which lists are asked for."""

    HYBRID = "hybrid"
    DENSE = "dense"
    SPARSE = "sparse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A point with its fused score; ``dense`` (cosine) and ``sparse`` (BM25) are ``None`` where a list lacks it."""

    point_id: str
    score: float
    dense: float | None
    sparse: float | None


def fuse(
    dense: Mapping[str, float],
    sparse: Mapping[str, float],
    *,
    mode: Mode = Mode.HYBRID,
    fusion: Fusion = Fusion.BOUNDED_SUM,
    bound: float,
    dense_weight: float = DENSE_WEIGHT,
) -> list[Ranked]:
    """Return the points of the lists that ``mode`` asks for, best first, equal scores by point id.

    A score that one list lacks counts as 0, which is right for a point that shares no word with the query. In a single
    mode the score is that list's normalised half alone.
    """
    if mode is Mode.DENSE:
        scores = _clipped(dense)
        sparse = {}
    elif mode is Mode.SPARSE:
        scores = _bounded(sparse, bound)
        dense = {}
    elif fusion is Fusion.BOUNDED_SUM:
        scores = _sum(_scaled(_clipped(dense), dense_weight), _scaled(_bounded(sparse, bound), 1 - dense_weight))
    elif fusion is Fusion.RRF:
        scores = _sum(_reciprocal_ranks(dense), _reciprocal_ranks(sparse))
    else:
        scores = _sum(_stretched(dense), _stretched(sparse))
    ranked = [
        Ranked(point_id=point_id, score=score, dense=dense.get(point_id), sparse=sparse.get(point_id))
        for point_id, score in scores.items()
    ]
    return sorted(ranked, key=lambda each: (-each.score, each.point_id))


def contenders(
    dense: Mapping[str, float], sparse: Mapping[str, float], *, bound: float, limit: int, depth: int
) -> list[str]:
    """Return the points that could be among the ``limit`` best by the bounded sum once both scores are known, sorted.

    A point that a list lacks scores there no more than the list's last, and nothing where fewer than ``depth``, as many
    as were asked for, are in it.
    """
    dense, sparse = _clipped(dense), _bounded(sparse, bound)
    dense_floor, sparse_floor = _floor(dense, depth), _floor(sparse, depth)
    at_least = _sum(_scaled(dense, DENSE_WEIGHT), _scaled(sparse, 1 - DENSE_WEIGHT))
    if len(at_least) <= limit:
        return sorted(at_least)
    least = sorted(at_least.values(), reverse=True)[limit - 1]
    at_most = {
        point: DENSE_WEIGHT * dense.get(point, dense_floor) + (1 - DENSE_WEIGHT) * sparse.get(point, sparse_floor)
        for point in at_least
    }
    return sorted(point for point, most in at_most.items() if most >= least)


def term_bounds(
    term_tops: Sequence[float], term_counts: Sequence[float], *, points: int, k1: float
) -> tuple[float, ...]:
    """Return what each query term could add to a BM25 score at most; their sum bounds the query.

    ``term_tops`` are the best scores of each term asked alone, ``term_counts`` how often the query says it. A term that
    no point holds counts with the most it could weigh, ``idf · (k1 + 1)`` at a document frequency of 0: a question
    whose telling word the collection has never seen must not look fully covered by its other words.
    """
    unseen = math.log(1 + (points + 0.5) / 0.5) * (k1 + 1)
    return tuple(top if top > 0 else unseen * count for top, count in zip(term_tops, term_counts, strict=True))


def _floor(scores: Mapping[str, float], depth: int) -> float:
    """Return what a point that the list lacks scores there at most."""
    return min(scores.values()) if len(scores) >= depth else 0.0


def _clipped(scores: Mapping[str, float]) -> dict[str, float]:
    return {point_id: min(1.0, max(0.0, score)) for point_id, score in scores.items()}


def _bounded(scores: Mapping[str, float], bound: float) -> dict[str, float]:
    if bound <= 0:
        return dict.fromkeys(scores, 0.0)
    return {point_id: min(1.0, max(0.0, score / bound)) for point_id, score in scores.items()}


def _scaled(scores: Mapping[str, float], weight: float) -> dict[str, float]:
    return {point_id: weight * score for point_id, score in scores.items()}


def _reciprocal_ranks(scores: Mapping[str, float]) -> dict[str, float]:
    best_first = sorted(scores, key=lambda point_id: (-scores[point_id], point_id))
    return {point_id: 1 / (RRF_K + rank) for rank, point_id in enumerate(best_first, start=1)}


def _stretched(scores: Mapping[str, float]) -> dict[str, float]:
    """Return each score's place between mean - 3 and mean + 3 sample standard deviations; 0.5 where all are equal."""
    if not scores:
        return {}
    mean = math.fsum(scores.values()) / len(scores)
    variance = math.fsum((score - mean) ** 2 for score in scores.values()) / max(1, len(scores) - 1)
    spread = 3 * math.sqrt(variance)
    if spread <= 0:
        return dict.fromkeys(scores, 0.5)
    return {point_id: min(1.0, max(0.0, (score - mean + spread) / (2 * spread))) for point_id, score in scores.items()}


def _sum(left: Mapping[str, float], right: Mapping[str, float]) -> dict[str, float]:
    return {point_id: left.get(point_id, 0.0) + right.get(point_id, 0.0) for point_id in left.keys() | right.keys()}
