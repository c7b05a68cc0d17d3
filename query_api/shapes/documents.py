"""Documents and collections as users see them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from query_api.links import Links
from query_api.shapes.citations import ByRun
from query_api.shapes.stops import StoppedSource
from query_api.shapes.streams import StreamShape
from query_api.shapes.sweeps import FailingSource
from query_api.shapes.text import Line
from rag_core.arrivals import ArrivalState, Presence
from rag_core.errors import QuarantineKind
from rag_core.identity import partition_key
from resources.clients.catalog.overview import PastArrival
from resources.clients.catalog.values import DocumentRow, PastFailure, Reason

_NOT_WITH_GROUPS = "Null for a key with groups: it counts documents that the key may not find."


class ReasonShape(BaseModel):
    """Why something is not indexed, and what its owner can do."""

    kind: str = Field(examples=["password-required"])
    message: str
    remedy: str


class Indexed(BaseModel):
    """What the index holds of a document."""

    made_by: ByRun
    confirmed_by: ByRun
    at: datetime | None
    version: str
    parser: str
    code_version: str
    chunks: int


class DocumentSummary(BaseModel):
    """A document: the state of its newest arrival, and what answers in the index."""

    document_id: UUID
    collection: str
    source: str
    key: str
    uri: str
    title: str
    media_type: str
    state: ArrivalState
    presence: Presence
    reason: ReasonShape | None = Field(description="Why the newest arrival is not indexed.")
    stale: ReasonShape | None = Field(description="Why an older version goes on answering.")
    announced: str
    size_bytes: int
    newest_arrival: int
    partition: str
    attempts: int
    recorded_at: datetime
    changed_at: datetime
    due_at: datetime | None
    indexed: Indexed | None


class ArrivalShape(BaseModel):
    """One arrival of a document and what became of it."""

    number: int
    partition: str
    presence: Presence
    announced: str
    version: str = Field(description="The version that was read, which may be newer than the announced one.")
    state: ArrivalState
    attempts: int
    crashes: int
    run_id: str
    run_url: str | None
    reason: ReasonShape | None
    recorded_at: datetime
    changed_at: datetime


class FailureShape(BaseModel):
    """One failure of a document: for good (its kind says why), or `transient`, after which it was tried again."""

    arrival: int
    run_id: str
    run_url: str | None
    at: datetime
    kind: str = Field(examples=["password-required", "transient"])
    message: str
    remedy: str


class DocumentDetail(DocumentSummary):
    """A document with its history."""

    points: int | None = Field(description="Points in the index now; null while the index is away.")
    arrivals: list[ArrivalShape] = Field(description="Newest first, at most fifty.")
    failures: list[FailureShape] = Field(description="Newest first, at most twenty.")


class DocumentList(BaseModel):
    """A page of documents; pass ``next_after`` as ``after`` for the next one, null at the end."""

    documents: list[DocumentSummary]
    next_after: str | None


class RetryRequest(BaseModel):
    """Which documents of a collection to try again: those in a state, of a kind of failure, below a URI."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"state": "quarantined"}]})

    state: Literal[ArrivalState.QUARANTINED, ArrivalState.RETRYING] = ArrivalState.QUARANTINED
    kind: QuarantineKind | None = Field(default=None, examples=["password-required"])
    prefix: Line = Field(default="", max_length=2048, description="Beginning of the documents' URIs.")


class Retried(BaseModel):
    """How many documents are due again."""

    retried: int


class IndexShape(BaseModel):
    """The index that serves a collection."""

    name: str
    model: str
    model_identity: str
    dimension: int
    analyzer: str
    points: int | None = Field(description=_NOT_WITH_GROUPS)
    filter_fields: dict[str, str] = Field(description="Metadata fields that filters may name, with their types.")


class CollectionShape(BaseModel):
    """A collection: how many documents are in which state, what serves it, how fresh it is."""

    name: str
    documents: dict[str, int] | None = Field(
        description=f"Documents by the state of their newest arrival. {_NOT_WITH_GROUPS}"
    )
    waiting: int | None = Field(
        description=f"Arrivals that are pending, being processed or waiting for a retry. {_NOT_WITH_GROUPS}"
    )
    oldest_waiting_s: float | None = Field(description="Age of the oldest of them in seconds; null when none waits.")
    stopped_sources: list[StoppedSource]
    failing_sources: list[FailingSource] = Field(description="Sources that are not swept at present, and why.")
    streams: list[StreamShape] = Field(description="Streams of Kafka, how far each is recorded, and dead letters.")
    waiting_to_be_sent: int | None = Field(
        description=f"Outcomes and dead letters that Kafka has not acknowledged yet. {_NOT_WITH_GROUPS}"
    )
    index: IndexShape | None = Field(description="Null before the first document, or while the index is away.")


class CollectionList(BaseModel):
    """Every collection that anything was recorded for, that has an index, or a source that fails; if it may be read."""

    collections: list[CollectionShape]


def summary(row: DocumentRow, links: Links) -> DocumentSummary:
    """Return a catalog row as users see it."""
    return DocumentSummary(**_fields(row, links))


def detail(
    row: DocumentRow, history: list[PastArrival], failed: list[PastFailure], points: int | None, links: Links
) -> DocumentDetail:
    """Return a document with its arrivals, its failures and its points."""
    arrivals = [
        ArrivalShape(
            number=each.number,
            partition=partition_key(each.partition),
            presence=each.presence,
            announced=each.announced,
            version=each.read_version,
            state=each.state,
            attempts=each.attempts,
            crashes=each.crashes,
            run_id=each.run_id,
            run_url=links.run(each.run_id),
            reason=_reason(each.reason),
            recorded_at=each.recorded_at,
            changed_at=each.changed_at,
        )
        for each in history
    ]
    failures = [
        FailureShape(
            arrival=each.arrival,
            run_id=each.run_id,
            run_url=links.run(each.run_id),
            at=each.at,
            kind=each.kind,
            message=each.message,
            remedy=each.remedy,
        )
        for each in failed
    ]
    return DocumentDetail(**_fields(row, links), points=points, arrivals=arrivals, failures=failures)


def _fields(row: DocumentRow, links: Links) -> dict[str, Any]:
    indexed = None
    if row.indexed_arrival is not None:
        indexed = Indexed(
            made_by=_by(row.indexed_arrival, row.indexed_run, links),
            confirmed_by=_by(row.confirmed_arrival, row.confirmed_run, links),
            at=row.indexed_at,
            version=row.indexed_version,
            parser=row.parser,
            code_version=row.code_version,
            chunks=row.chunks,
        )
    return {
        "document_id": row.document_id,
        "collection": row.collection,
        "source": row.source,
        "key": row.key,
        "uri": row.uri,
        "title": row.title,
        "media_type": row.media_type,
        "state": row.state,
        "presence": row.presence,
        "reason": _reason(row.reason),
        "stale": _reason(row.stale),
        "announced": row.announced,
        "size_bytes": row.size_bytes,
        "newest_arrival": row.newest_arrival,
        "partition": partition_key(row.partition),
        "attempts": row.attempts,
        "recorded_at": row.recorded_at,
        "changed_at": row.changed_at,
        "due_at": row.due_at,
        "indexed": indexed,
    }


def _by(arrival: int | None, run_id: str, links: Links) -> ByRun:
    return ByRun(arrival=arrival, run_id=run_id, run_url=links.run(run_id))


def _reason(reason: Reason | None) -> ReasonShape | None:
    return None if reason is None else ReasonShape(kind=reason.kind, message=reason.message, remedy=reason.remedy)
