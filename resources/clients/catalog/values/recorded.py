"""Values of recording: limits of a block, a source's bookmark, what was numbered."""

from collections.abc import Mapping
from dataclasses import dataclass

from rag_core.identity import Json

MAX_KEY_BYTES = 2048
"""Longest key (UTF-8) that can be recorded; an index entry must hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionLimits:
    """A block is full at ``size`` arrivals or ``bytes`` of source, whichever comes first."""

    size: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A source's bookmark; ``version`` is 0 and ``value`` empty before the first change."""

    value: Mapping[str, Json]
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionChange:
    """The bookmark to store if its version still is ``expected_version`` (then it becomes one more)."""

    value: Mapping[str, Json]
    expected_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a recording did: ``new`` arrivals numbered ``first_number``..``last_number``, ``same`` were no-ops."""

    new: int
    same: int
    partitions: tuple[int, ...] = ()
    first_number: int | None = None
    last_number: int | None = None
