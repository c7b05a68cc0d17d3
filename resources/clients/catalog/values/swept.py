"""Values of sources: known objects, sweeps, and stops that wait for a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from rag_core.arrivals import Presence
from rag_core.identity import Json
from resources.clients.catalog.values.recorded import Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownObject:
    """The latest recorded observation of one key of a source."""

    key: str
    presence: Presence
    announced: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A pass over a source; arrivals numbered ``first_number`` or later were recorded after it began."""

    id: UUID
    first_number: int
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepTrouble:
    """Why a source is not swept at present, and since when; ``swept_at`` is None where no sweep was ever complete."""

    collection: str
    source: str
    reason: str
    since: datetime
    swept_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """How much a sweep would delete: ``candidates`` of ``present_total`` objects known to be present."""

    candidates: int
    present_total: int


class StopKind(StrEnum):
    """Why a source stopped red; stable words."""

    MASS_DELETION = "mass-deletion"
    ROOT_MISSING = "root-missing"
    ROOT_EMPTY = "root-empty"
    ROOT_CHANGED = "root-changed"
    SOURCE_REMOVED = "source-removed"
    GLOBS_CHANGED = "globs-changed"
    OFFSETS_GONE = "offsets-gone"
    TOPIC_RECREATED = "topic-recreated"
    TOPIC_REMOVED = "topic-removed"
    CLUSTER_CHANGED = "cluster-changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A source that waits, red, for a person; ``detail`` is what the person is shown and confirms."""

    id: int
    collection: str
    source: str
    kind: StopKind
    reason: str
    detail: Mapping[str, Json]
    stopped_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyStop:
    """Deletions stop red above ``share`` of a source, but not below ``min_objects``."""

    share: float = 0.2
    min_objects: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a complete sweep would delete: the stop that keeps it back, or the one that is over by it."""

    candidates: int
    stop: Stop | None = None
    lifted: Stop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """A sweep's end: the deletions recorded, or the stop that keeps them back (then ``recorded.new`` is 0).

    ``lifted`` waited for a person until this sweep found that what was missing is back.
    """

    recorded: Recorded
    candidates: int
    stop: Stop | None = None
    lifted: Stop | None = None
