"""Documents, collections and streams: what was ingested, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rag_client.shapes.citations import ByRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why something is not indexed, and what its owner can do."""

    kind: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """What the index holds of a document."""

    made_by: ByRun
    confirmed_by: ByRun
    at: datetime | None
    version: str
    parser: str
    code_version: str
    chunks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document: the state of its newest arrival, and what answers in the index."""

    document_id: str
    collection: str
    source: str
    key: str
    uri: str
    title: str
    media_type: str
    state: str
    presence: str
    reason: Reason | None
    stale: Reason | None
    announced: str
    size_bytes: int
    newest_arrival: int
    partition: str
    attempts: int
    recorded_at: datetime
    changed_at: datetime
    due_at: datetime | None
    indexed: Indexed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One arrival of a document and what became of it."""

    number: int
    partition: str
    presence: str
    announced: str
    version: str
    state: str
    attempts: int
    crashes: int
    run_id: str
    run_url: str | None
    reason: Reason | None
    recorded_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failure of a document: for good, or ``transient``."""

    arrival: int
    run_id: str
    run_url: str | None
    at: datetime
    kind: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDetail(Document):
    """A document with its history, newest first."""

    points: int | None
    arrivals: tuple[Arrival, ...]
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPage:
    """A page of documents."""

    documents: tuple[Document, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """How many documents are due again."""

    retried: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The index that serves a collection."""

    name: str
    model: str
    model_identity: str
    dimension: int
    analyzer: str
    points: int | None
    filter_fields: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedSource:
    """A source or stream that waits for a person."""

    stop: int
    source: str
    kind: str
    reason: str
    remedy: str
    detail: Mapping[str, Any]
    stopped_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingSource:
    """A source that is not swept at present, and why; ``swept_at`` is None where no sweep was ever complete."""

    source: str
    reason: str
    since: datetime
    swept_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPartition:
    """A partition of a topic and how far it is recorded."""

    partition: int
    next_offset: int
    lag: int
    records: int
    records_per_s: float
    dead_letters: int
    newest_message_age_s: float | None
    caught_up_age_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic of a stream."""

    topic: str
    incarnation: int
    partitions: tuple[StreamPartition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a stream is not read at present."""

    reason: str
    since: datetime
    tried_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A stream of a collection; one that was never read has no topics yet."""

    name: str
    records: int
    dead_letters: int
    moved_at: datetime | None
    position_age_s: float | None
    stops: tuple[StoppedSource, ...]
    trouble: Trouble | None
    topics: tuple[Topic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The queue that announces a source's changes; ``waiting`` and ``in_flight`` are of when it was looked at last."""

    source: str
    name: str
    waiting: int | None
    in_flight: int | None
    messages: int
    recorded: int
    left_to_sweep: int
    ignored: int
    dead_letters: int
    looked_at: datetime | None
    received_at: datetime | None
    oldest_s: float | None
    trouble: Trouble | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionStreams:
    """A collection's streams, and how many messages wait to be sent."""

    collection: str
    waiting_to_be_sent: int
    streams: tuple[Stream, ...]
    queues: tuple[Queue, ...]
    failing_sources: tuple[FailingSource, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamList:
    """The streams of every collection."""

    collections: tuple[CollectionStreams, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A collection: documents by state, what serves it, how fresh it is. Figures are None for a key with groups."""

    name: str
    documents: Mapping[str, int] | None
    waiting: int | None
    oldest_waiting_s: float | None
    stopped_sources: tuple[StoppedSource, ...]
    failing_sources: tuple[FailingSource, ...]
    streams: tuple[Stream, ...]
    waiting_to_be_sent: int | None
    index: Index | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionList:
    """Every collection that the key may read."""

    collections: tuple[Collection, ...]
