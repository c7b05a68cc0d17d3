"""The values that the catalog takes and gives; plain dataclasses, no SQL.

Recording and sources first, then claims and due work, then parts and writing, then what readers see.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from rag_core.arrivals import Arrival, ArrivalState, Presence
from rag_core.errors import QuarantineKind, RagError
from rag_core.identity import Json, fingerprint, partition_key

MAX_KEY_BYTES = 2048
"""Longest key (UTF-8) that can be recorded; an index entry must hold it."""

SUSPECT_CRASHES = 2
"""After so many dead runs an arrival is a suspect: processed alone, and quarantined when its run dies again."""


class PositionMoved(RagError):
    """Another tick moved this source's position meanwhile: nothing was recorded, look again."""


class ClaimLost(RagError):
    """The block's claim has moved on to another run: stop, write nothing more."""


# ---- recording


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


# ---- sources


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
class Concluded:
    """A sweep's end: the deletions recorded, or the stop that keeps them back (then ``recorded.new`` is 0)."""

    recorded: Recorded
    candidates: int
    stop: Stop | None = None


# ---- claims and due work


class Lane(StrEnum):
    """Which work a request is for: ``fresh`` only takes blocks with little due work, ``batch`` takes any."""

    FRESH = "fresh"
    BATCH = "batch"
    BACKFILL = "backfill"


CLAIM_TAG = "rag/claim"
LANE_TAG = "rag/lane"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to work on one block; ``number`` counts every taking, so a dead run never blocks its own retry.

    ``run_id`` is empty until a run has started; ``due`` is how much was due when it was requested, counted to 17.
    """

    collection: str
    partition: int
    number: int
    lane: Lane = Lane.BATCH
    run_id: str = ""
    due: int = 0

    @property
    def run_key(self) -> str:
        """Return Dagster's run key: a repeated tick asks for nothing new, another taking is another run."""
        return f"{self.collection}/{partition_key(self.partition)}/{self.number}"

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags by which the run finds its claim again."""
        return {CLAIM_TAG: str(self.number), LANE_TAG: self.lane.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBy:
    """Another run works on the block until ``until``, or longer if it renews."""

    run_id: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DueArrival:
    """An arrival to work on.

    ``alone``: suspected of killing its process; begin it when nothing else is being processed.
    ``newer_known``: a later arrival of the document settles it; supersede this one.
    ``reconcile``: a write was left open by a dead run; compare the document with the index even if nothing changed.
    With ``reconcile`` and ``arrival.state`` quarantined: bring the index back to ``indexed_arrival``, the last good one
    (or to nothing), and close with ``writing.quarantined``.
    """

    arrival: Arrival
    alone: bool = False
    newer_known: bool = False
    reconcile: bool = False
    indexed_arrival: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingSpec:
    """What a document's text and metadata depend on besides its bytes; fingerprints are the caller's."""

    parser_versions: frozenset[str]
    chunking: str
    metadata_rules: str

    @property
    def fingerprint(self) -> str:
        """Return 16 hex digits that change with any part."""
        return fingerprint([sorted(self.parser_versions), self.chunking, self.metadata_rules])


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadRuns:
    """What sweeping dead runs did, in arrivals, but ``runs`` in claims and ``orphans`` in write intents."""

    runs: int = 0
    due_again: int = 0
    crashed: int = 0
    orphans: int = 0


# ---- parts


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPart:
    """A Parquet part file, written and synced, that holds the rows of ``arrivals`` for an asset and its spec."""

    asset: str
    fingerprint: str
    file: str
    rows: int
    bytes: int
    arrivals: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFile:
    """A part file as the catalog knows it; ``arrivals`` is how many arrivals it is named for."""

    collection: str
    partition: int
    asset: str
    fingerprint: str
    file: str
    rows: int
    bytes: int
    arrivals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPart:
    """Where the rows of a document's latest arrival are that has any for this asset and spec."""

    arrival: int
    file: str


# ---- writing


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRequest:
    """A document to write to the index, and the arrival (its number) that asks for it."""

    arrival: int
    document_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadState:
    """What the catalog knows of a document, read under its lock.

    ``newer_known``: something newer than this arrival is recorded or already settled: write nothing, supersede.
    ``orphans``: a dead run left a write open: compare with the index itself before saying unchanged.
    ``indexed_arrival`` is None where the index holds nothing of the document (by the catalog's memory).
    """

    document_id: UUID
    arrival: int
    newest_arrival: int
    newer_known: bool
    place: int | None
    indexed_arrival: int | None
    indexed_version: str
    is_tombstone: bool
    orphans: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was read and written; ``version`` and ``version_id`` are those of the bytes read, not those announced."""

    version: str
    version_id: str | None = None
    title: str = ""
    media_type: str = ""
    parser: str
    chunking: str
    metadata_rules: str
    code_version: str = ""
    chunks: int
    size_bytes: int = 0


# ---- what readers see


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why something is not indexed, and what its owner can do."""

    kind: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    """A document as users see it: the state of its newest arrival, and what the index holds.

    ``stale`` says why the newest version failed while ``indexed_arrival``'s older text goes on answering.
    """

    document_id: UUID
    collection: str
    source: str
    key: str
    uri: str
    state: ArrivalState
    presence: Presence
    newest_arrival: int
    partition: int
    announced: str
    size_bytes: int
    attempts: int
    recorded_at: datetime
    changed_at: datetime
    due_at: datetime | None
    reason: Reason | None
    stale: Reason | None
    indexed_arrival: int | None
    indexed_version: str
    indexed_run: str
    confirmed_arrival: int | None
    confirmed_run: str
    indexed_at: datetime | None
    title: str
    media_type: str
    parser: str
    code_version: str
    chunks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPage:
    """Some documents; pass ``next_after`` as ``after`` for those behind them, None at the end."""

    documents: tuple[DocumentRow, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of arrivals; a retired one holds no document's newest arrival and has lost its Parquet."""

    collection: str
    partition: int
    first_number: int
    arrivals: int
    bytes: int
    is_full: bool
    is_retired: bool
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIntent:
    """A write that was begun and not closed; an orphan's run is known dead."""

    id: int
    collection: str
    index_name: str
    document_id: UUID
    arrival: int
    run_id: str
    opened_at: datetime
    is_orphan: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """A physical index; writers use the active one's name, readers the alias ``collection``."""

    collection: str
    physical_name: str
    spec: Mapping[str, Json]
    is_active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A quarantined arrival that is its document's newest."""

    document_id: UUID
    uri: str
    arrival: int
    partition: int
    kind: QuarantineKind
    message: str
    remedy: str
    failed_at: datetime
    attempts: int
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DueFilter:
    """Which newest arrivals to make due again: those in ``states``, of ``kinds``, whose URI starts with ``prefix``."""

    states: frozenset[ArrivalState] = frozenset({ArrivalState.QUARANTINED, ArrivalState.RETRYING})
    kinds: frozenset[QuarantineKind] = field(default_factory=frozenset[QuarantineKind])
    prefix: str = ""
