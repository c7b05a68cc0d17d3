"""Values that readers see: documents, blocks, failures, open writes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from rag_core.arrivals import ArrivalState, Presence
from rag_core.errors import QuarantineKind
from rag_core.identity import Json


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
class PastFailure:
    """One failure of a document; ``kind`` is that of a quarantine, or ``transient``: it was to be tried again."""

    arrival: int
    run_id: str
    at: datetime
    kind: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DueFilter:
    """Which newest arrivals to make due again: those in ``states``, of ``kinds``, whose URI starts with ``prefix``."""

    states: frozenset[ArrivalState] = frozenset({ArrivalState.QUARANTINED, ArrivalState.RETRYING})
    kinds: frozenset[QuarantineKind] = field(default_factory=frozenset[QuarantineKind])
    prefix: str = ""
