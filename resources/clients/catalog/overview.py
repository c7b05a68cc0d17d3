"""What a person asks of a collection and of one document: how many stand where, how old the oldest waiting one is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from rag_core.arrivals import ArrivalState, Presence
from resources.clients.catalog.database import Database
from resources.clients.catalog.values import Reason, StreamPosition


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How much waits; ``oldest_recorded_at`` is None when nothing does. ``now`` is the database's clock."""

    waiting: int
    oldest_recorded_at: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PastArrival:
    """One arrival of a document and what became of it."""

    number: int
    partition: int
    presence: Presence
    announced: str
    read_version: str
    state: ArrivalState
    attempts: int
    crashes: int
    run_id: str
    reason: Reason | None
    recorded_at: datetime
    changed_at: datetime


class Overview:
    """Read-only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def documents_by_state(self, collections: Sequence[str]) -> dict[str, dict[ArrivalState, int]]:
        """Return, for each collection, how many documents have their newest arrival in each state."""
        counts = {collection: dict.fromkeys(ArrivalState, 0) for collection in collections}
        with self._database.transaction() as connection:
            for row in connection.execute(_BY_STATE, {"collections": list(collections)}):
                counts[row.collection][ArrivalState(row.state)] = row.documents
        return counts

    def freshness(self, collection: str) -> Freshness:
        """Return how many arrivals of a collection wait, and since when the oldest does."""
        with self._database.transaction() as connection:
            row = connection.execute(_WAITING, {"collection": collection}).one()
        return Freshness(waiting=row.waiting, oldest_recorded_at=row.oldest, now=row.now)

    def streams(self, collection: str = "") -> list[StreamPosition]:
        """Return how far the streams of a collection (or of all) are recorded, by name."""
        with self._database.transaction() as connection:
            rows = connection.execute(_STREAMS, {"collection": collection}).all()
        return [
            StreamPosition(
                collection=row.collection, source=row.source, state=row.value, moved_at=row.moved_at, now=row.now
            )
            for row in rows
        ]

    def history(self, document_id: UUID, *, limit: int = 50) -> list[PastArrival]:
        """Return a document's arrivals, newest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(_HISTORY, {"document_id": document_id, "limit": limit}).all()
        return [
            PastArrival(
                number=row.number,
                partition=row.partition,
                presence=Presence(row.presence),
                announced=row.announced,
                read_version=row.read_version,
                state=ArrivalState(row.state),
                attempts=row.attempts,
                crashes=row.crashes,
                run_id=row.run_id,
                reason=Reason(kind=row.reason_kind, message=row.reason, remedy=row.remedy) if row.reason else None,
                recorded_at=row.recorded_at,
                changed_at=row.changed_at,
            )
            for row in rows
        ]


_BY_STATE = text("""
SELECT o.collection, a.state, count(DISTINCT o.document_id) AS documents
FROM observations o JOIN arrivals a ON a.collection = o.collection AND a.number = o.number
WHERE o.collection = ANY(:collections) GROUP BY o.collection, a.state
""")

_WAITING = text("""
SELECT count(*) AS waiting, min(recorded_at) AS oldest, now() AS now FROM arrivals
WHERE collection = :collection AND state IN ('pending', 'processing', 'retrying')
""")

_STREAMS = text("""
SELECT collection, source, value, moved_at, clock_timestamp() AS now FROM positions
WHERE value -> 'topics' IS NOT NULL AND (:collection = '' OR collection = :collection) ORDER BY collection, source
""")

_HISTORY = text("""
SELECT number, partition, presence, announced, read_version, state, attempts, crashes, run_id, reason_kind, reason,
       remedy, recorded_at, changed_at
FROM arrivals WHERE document_id = :document_id ORDER BY number DESC LIMIT :limit
""")
