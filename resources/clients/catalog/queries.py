"""What readers see: documents with their state and reason, counts, failures, open writes."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from rag_core.arrivals import ArrivalState
from rag_core.errors import QuarantineKind
from resources.clients.catalog.database import Database
from resources.clients.catalog.document_rows import (
    DOCUMENT,
    FAILED_OVER,
    IN_BLOCK,
    IN_STATE,
    LAST_CHARACTER,
    PAGE,
    document_row,
    page,
)
from resources.clients.catalog.values import Block, DocumentPage, DocumentRow, Failure, OpenIntent, PastFailure


class Queries:
    """Read-only; bounded by ``limit`` wherever a collection could be large."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def documents(
        self,
        collection: str,
        *,
        state: ArrivalState | None = None,
        prefix: str = "",
        after: str | None = None,
        limit: int = 100,
    ) -> DocumentPage:
        """Return documents by URI, or in a ``state`` by arrival number; ``prefix`` is of the URI."""
        by_state = state is not None
        parameters = {
            "collection": collection,
            "prefix": prefix,
            "prefix_start": prefix[:500],
            "prefix_end": prefix[:499] + LAST_CHARACTER,
            "limit": limit + 1,
            **page.read(after, by_state=by_state),
        }
        if state is not None:
            parameters["state"] = state.value
        with self._database.transaction() as connection:
            rows = connection.execute(IN_STATE if by_state else PAGE, parameters).all()
        shown = rows[:limit]
        more = page.write(shown[-1], by_state=by_state) if len(rows) > limit else None
        return DocumentPage(documents=tuple(document_row(row) for row in shown), next_after=more)

    def place_of(self, collection: str, arrival: int) -> str | None:
        """Return the ``after`` of a page by URI behind the document of an arrival; None for one that is unknown."""
        with self._database.transaction() as connection:
            row = connection.execute(_PLACE, {"collection": collection, "number": arrival}).one_or_none()
        return None if row is None else page.write(row, by_state=False)

    def document(self, document_id: UUID) -> DocumentRow | None:
        """Return one document, or None."""
        return self.documents_by_id([document_id]).get(document_id)

    def documents_by_id(self, document_ids: Sequence[UUID]) -> dict[UUID, DocumentRow]:
        """Return those documents that are known."""
        with self._database.transaction() as connection:
            rows = connection.execute(DOCUMENT, {"ids": list(document_ids)}).all()
        return {row.document_id: document_row(row) for row in rows}

    def counts_by_state(self, collection: str) -> dict[ArrivalState, int]:
        """Return how many arrivals are in each state (every state has its key)."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                COUNTS, {"collection": collection, "states": [str(state) for state in ArrivalState]}
            ).all()
        return _counts(rows)

    def due_count(self, collection: str, *, at_most: int = 100_000) -> int:
        """Return how many arrivals are due now or later, counted no further than ``at_most``; cheap, for ticks."""
        with self._database.transaction() as connection:
            return connection.execute(DUE_COUNT, {"collection": collection, "at_most": at_most}).scalar_one()

    def block_counts(self, collection: str, partition: int) -> dict[ArrivalState, int]:
        """Return how many of a block's arrivals are in each state (every state has its key)."""
        with self._database.transaction() as connection:
            rows = connection.execute(_BLOCK_COUNTS, {"collection": collection, "partition": partition}).all()
        return _counts(rows)

    def collections(self) -> list[str]:
        """Return the collections that anything was recorded for."""
        with self._database.transaction() as connection:
            return list(connection.execute(text("SELECT collection FROM collections ORDER BY collection")).scalars())

    def blocks(self, collection: str, *, after: int = -1, limit: int = 1000) -> list[Block]:
        """Return blocks with a number above ``after``."""
        with self._database.transaction() as connection:
            rows = connection.execute(_BLOCKS, {"collection": collection, "after": after, "limit": limit}).all()
        return [
            Block(
                collection=row.collection,
                partition=row.partition,
                first_number=row.first_number,
                arrivals=row.arrivals,
                bytes=row.bytes,
                is_full=row.is_full,
                is_retired=row.is_retired,
                opened_at=row.opened_at,
            )
            for row in rows
        ]

    def indexed_in_block(self, collection: str, partition: int) -> list[DocumentRow]:
        """Return documents whose indexed arrival lies in the block, without open intents: what checks compare."""
        with self._database.transaction() as connection:
            rows = connection.execute(IN_BLOCK, {"collection": collection, "partition": partition}).all()
        return [document_row(row) for row in rows]

    def failures(self, collection: str, *, limit: int = 100) -> list[Failure]:
        """Return newest arrivals that are quarantined, latest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(_FAILURES, {"collection": collection, "limit": limit}).all()
        return [
            Failure(
                document_id=row.document_id,
                uri=row.uri,
                arrival=row.number,
                partition=row.partition,
                kind=QuarantineKind(row.reason_kind),
                message=row.reason,
                remedy=row.remedy,
                failed_at=row.changed_at,
                attempts=row.attempts,
                run_id=row.run_id,
            )
            for row in rows
        ]

    def failures_of(self, document_id: UUID) -> list[PastFailure]:
        """Return how a document failed, transiently or for good, latest first: at most twenty."""
        with self._database.transaction() as connection:
            rows = connection.execute(FAILURES_OF, {"document_id": document_id}).all()
        return [
            PastFailure(
                arrival=row.arrival,
                run_id=row.run_id,
                at=row.at,
                kind=row.kind,
                message=row.reason,
                remedy=row.remedy,
            )
            for row in rows
        ]

    def stale_documents(self, collection: str, *, limit: int = 100) -> list[DocumentRow]:
        """Return documents whose newest version failed for good while an older one answers."""
        with self._database.transaction() as connection:
            rows = connection.execute(FAILED_OVER, {"collection": collection, "limit": limit}).all()
        return [document_row(row) for row in rows]

    def open_intents(self, collection: str, *, limit: int = 100) -> list[OpenIntent]:
        """Return writes that are begun and not closed, oldest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(_INTENTS, {"collection": collection, "limit": limit}).all()
        return [
            OpenIntent(
                id=row.id,
                collection=row.collection,
                index_name=row.index_name,
                document_id=row.document_id,
                arrival=row.arrival,
                run_id=row.run_id,
                opened_at=row.opened_at,
                is_orphan=row.orphaned_at is not None,
            )
            for row in rows
        ]


def _counts(rows: Sequence[Any]) -> dict[ArrivalState, int]:
    return dict.fromkeys(ArrivalState, 0) | {ArrivalState(row.state): row.arrivals for row in rows}


_PLACE = text("SELECT document_id, uri FROM arrivals WHERE collection = :collection AND number = :number")

# One count a state, so that each is an index-only scan even where one collection is the whole table.
COUNTS = text("""
SELECT s.state, counted.arrivals FROM unnest(CAST(:states AS text[])) AS s (state), LATERAL (
    SELECT count(*) AS arrivals FROM arrivals WHERE collection = :collection AND state = s.state) counted
""")

DUE_COUNT = text("""
SELECT count(*) FROM (
    SELECT 1 FROM arrivals WHERE collection = :collection AND due_at IS NOT NULL LIMIT :at_most) counted
""")

_BLOCK_COUNTS = text("""
SELECT a.state, count(*) AS arrivals FROM blocks b,
    LATERAL generate_series(b.first_number, b.first_number + b.arrivals - 1) AS own (number)
JOIN arrivals a ON a.collection = :collection AND a.number = own.number
WHERE b.collection = :collection AND b.partition = :partition GROUP BY a.state
""")

_BLOCKS = text("""
SELECT b.collection, b.partition, b.first_number, b.arrivals, b.bytes, b.is_full, b.opened_at,
       coalesce(c.is_retired, false) AS is_retired
FROM blocks b LEFT JOIN claims c ON c.collection = b.collection AND c.partition = b.partition
WHERE b.collection = :collection AND b.partition > :after ORDER BY b.partition LIMIT :limit
""")

_FAILURES = text("""
SELECT a.document_id, a.uri, a.number, a.partition, a.reason_kind, a.reason, a.remedy, a.changed_at, a.attempts,
       a.run_id
FROM arrivals a
WHERE a.collection = :collection AND a.state = 'quarantined'
    AND NOT EXISTS (SELECT 1 FROM arrivals n WHERE n.document_id = a.document_id AND n.number > a.number)
ORDER BY a.number DESC LIMIT :limit
""")

FAILURES_OF = text("""
SELECT arrival, run_id, at, kind, reason, remedy FROM failures
WHERE document_id = :document_id ORDER BY id DESC LIMIT 20
""")

_INTENTS = text("""
SELECT id, collection, index_name, document_id, arrival, run_id, opened_at, orphaned_at FROM intents
WHERE collection = :collection ORDER BY id LIMIT :limit
""")
