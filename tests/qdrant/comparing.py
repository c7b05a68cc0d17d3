"""Answers of different engines made comparable: plain JSON, floats within a tolerance."""

from typing import Any

import pytest
from pydantic import BaseModel

UNCOMPARED = frozenset({"operation_id", "version", "shard_key"})
"""Counters that each engine keeps in its own way."""


def plain(answer: Any) -> Any:
    """Return an answer as JSON without what is not compared and without fields that are not set."""
    if isinstance(answer, BaseModel):
        return plain(answer.model_dump(mode="json"))
    if isinstance(answer, dict):
        return {key: plain(value) for key, value in answer.items() if key not in UNCOMPARED and value is not None}
    if isinstance(answer, list | tuple):
        return [plain(each) for each in answer]
    return answer


def same(left: Any, right: Any) -> bool:
    """Tell whether two plain answers are equal, floats within 1e-4."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == pytest.approx(right, rel=1e-4, abs=1e-5)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    return left == right
