"""Vectors that an index holds, compared with those that rest in Parquet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag_core.vector_index import HeldPoint

LEAST_COSINE = 0.9999
"""An index may keep vectors normalised anew and in another precision; below this it is another vector."""

_WEIGHTS_DIFFER = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVectors:
    """A chunk's vectors as Parquet holds them."""

    dense: Sequence[float] | NDArray[Any]
    indices: Sequence[int] | NDArray[Any]
    values: Sequence[float] | NDArray[Any]


def vectors_differ(held: HeldPoint, stored: StoredVectors) -> str:
    """Say how a point's vectors differ from the stored ones; empty where they are the same."""
    if held.dense is None or held.sparse is None:
        return "it has none"
    dense = np.asarray(held.dense, np.float64)
    wanted = np.asarray(stored.dense, np.float64)
    if dense.shape != wanted.shape:
        return f"{len(dense)} dimensions instead of {len(wanted)}"
    lengths = float(np.linalg.norm(dense) * np.linalg.norm(wanted))
    cosine = float(dense @ wanted) / lengths if lengths else 0.0
    if not cosine >= LEAST_COSINE:  # a NaN is another vector, too
        return f"cosine {cosine:.4f}"
    ours, theirs = _terms(held.sparse.indices, held.sparse.values), _terms(stored.indices, stored.values)
    if not np.array_equal(ours[0], theirs[0]) or not np.allclose(ours[1], theirs[1], rtol=_WEIGHTS_DIFFER):
        return "other terms or weights"
    return ""


def _terms(
    indices: Sequence[int] | NDArray[Any], values: Sequence[float] | NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    terms, weights = np.asarray(indices, np.int64), np.asarray(values, np.float64)
    order = np.argsort(terms)
    return terms[order], weights[order]
