"""Newest wins, under a lock: the one way in which an outcome is written.

1. Commit a write intent for each document, before anything is written to the index: whatever happens to this run,
   the document is known to need a look.
2. On the same connection, lock the documents' rows in ``document_id`` order: two runs on one document write one after
   the other, and two batches never wait for each other in a circle.
3. Read, under the locks, what is known: a newer arrival, the place in the order, writes that dead runs left open.
4. The caller supersedes what is older, asks the index what it holds, and writes. No outcome exists yet: a crash here
   leaves old text or both, and the intent.
5. On that same connection again, write the outcomes, close the intents and commit. A session that was lost has lost
   its locks too, and cannot get here: its outcome is never recorded, its intent stays open. A failure is recorded only
   of an arrival that still is this claim's: its new owner may be succeeding with it. What others are to hear of the
   outcomes is put into the outbox by this same commit.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from rag_core.errors import DocumentRejected, DocumentUnavailable, InvalidRequest
from rag_core.outcomes import Announcing
from resources.clients.catalog.announcing import announce
from resources.clients.catalog.database import Database
from resources.clients.catalog.outcomes import Settled, write_outcomes
from resources.clients.catalog.values import Claim, HeadState, Outcome, WriteRequest
from resources.clients.postgres_states import LOCK_TIMEOUT, sqlstate


class DocumentWriting:
    """Documents locked for writing; every one of them gets exactly one outcome before the block ends."""

    def __init__(self, heads: dict[UUID, HeadState]) -> None:
        self._heads = heads
        self._settled: dict[UUID, Settled] = {}

    def head(self, document_id: UUID) -> HeadState:
        """Return what is known of the document, read under its lock."""
        return self._heads[document_id]

    def indexed(self, document_id: UUID, outcome: Outcome) -> None:
        """The index now holds this version. Raises ``InvalidRequest`` if something newer is known."""
        self._settle(document_id, "indexed", outcome=outcome, must_be_newest=True)

    def unchanged(self, document_id: UUID, outcome: Outcome) -> None:
        """The index already held exactly this text; only what is told of it is confirmed."""
        self._settle(document_id, "unchanged", outcome=outcome, must_be_newest=True)

    def superseded(self, document_id: UUID) -> None:
        """Something newer is known; nothing was written."""
        self._settle(document_id, "superseded")

    def deleted(self, document_id: UUID) -> None:
        """The document is gone and so are its points; its row stays as a tombstone."""
        self._settle(document_id, "deleted", must_be_newest=True)

    def quarantined(self, document_id: UUID, rejected: DocumentRejected, *, tried_spec: str, removed: bool) -> None:
        """It failed for good; the index holds the last good version, or nothing (``removed``).

        ``tried_spec`` is ``ProcessingSpec.fingerprint_of`` its source: under another one it is tried again.
        """
        self._settle(
            document_id,
            "quarantined",
            rejected=rejected,
            tried_spec=tried_spec,
            removed=removed,
            must_be_newest=True,
        )

    def stay_due(self, document_id: UUID, *, delay_s: float | None = None) -> None:
        """The object changed meanwhile; nothing was written and the arrival is due again, no attempt spent.

        Without a delay it grows with each time in a row.
        """
        self._settle(document_id, "pending", delay_s=delay_s)

    def _settle(
        self,
        document_id: UUID,
        state: str,
        *,
        outcome: Outcome | None = None,
        rejected: DocumentRejected | None = None,
        tried_spec: str = "",
        removed: bool = False,
        delay_s: float | None = None,
        must_be_newest: bool = False,
    ) -> None:
        head = self._heads[document_id]
        if must_be_newest and head.newer_known:
            raise InvalidRequest(f"Arrival {head.arrival} is not {document_id}'s newest: supersede it.")
        if document_id in self._settled:
            raise InvalidRequest(f"Document {document_id} has its outcome already.")
        self._settled[document_id] = Settled(
            head=head,
            state=state,
            outcome=outcome,
            rejected=rejected,
            tried_spec=tried_spec,
            removed=removed,
            delay_s=delay_s,
        )

    def settled(self) -> list[Settled]:
        """Return the outcomes; raises ``InvalidRequest`` when a document has none."""
        without = sorted(str(document_id) for document_id in self._heads.keys() - self._settled.keys())
        if without:
            raise InvalidRequest(f"No outcome was given for {', '.join(without[:3])}.")
        return [self._settled[document_id] for document_id in sorted(self._settled)]


class Writing:
    """Opens ``DocumentWriting`` over real locks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def documents(
        self,
        claim: Claim,
        index_name: str,
        requests: Sequence[WriteRequest],
        *,
        max_s: float = 300,
        announcing: Announcing | None = None,
    ) -> Generator[DocumentWriting]:
        """Lock the documents and write their outcomes at the end of the block, all in one transaction.

        One request a document. An exception in the block rolls back and leaves the intents open, so the documents are
        reconciled once the run is known dead. The lock is lost, and the block fails with ``DependencyUnavailable``,
        when the block sits idle longer than ``max_s``. ``DocumentUnavailable`` when another run holds a document.
        ``ClaimLost``, and nothing recorded, when a failing or waiting arrival is another run's by now.
        """
        by_document = {request.document_id: request.arrival for request in requests}
        if len(by_document) != len(requests):
            raise InvalidRequest("One write request a document: supersede the older ones first.")
        ids = sorted(by_document)
        parameters = {
            "collection": claim.collection,
            "index_name": index_name,
            "run_id": claim.run_id,
            "ids": ids,
            "numbers": [by_document[document_id] for document_id in ids],
        }
        with self._database.connection() as connection:
            with connection.begin():
                connection.execute(_ENSURE_ROWS, parameters)
                opened = list(connection.execute(_OPEN_INTENTS, parameters).scalars())
            with connection.begin():
                connection.execute(_LIMIT_IDLE, {"idle": f"{int(max_s * 1000)}ms"})
                _lock(connection, parameters)
                rows = connection.execute(HEADS, {**parameters, "opened": opened}).all()
                orphans = {row.document_id: list(row.orphans) for row in rows}
                writing = DocumentWriting({row.document_id: _head(row) for row in rows})
                yield writing
                settled = writing.settled()
                write_outcomes(connection, claim, index_name, settled, orphans, opened)
                if announcing is not None:
                    announce(connection, claim, announcing, settled)


def _lock(connection: Connection, parameters: dict[str, Any]) -> None:
    try:
        connection.execute(LOCK, parameters)
    except DBAPIError as error:
        if sqlstate(error) != LOCK_TIMEOUT:
            raise
        raise DocumentUnavailable(
            "Another run has been writing one of these documents for long.", remedy="It is tried again later."
        ) from error


def _head(row: Any) -> HeadState:
    return HeadState(
        document_id=row.document_id,
        arrival=row.arrival,
        newest_arrival=row.newest_arrival if row.newest_arrival is not None else row.arrival,
        newer_known=row.newer_known,
        place=row.place,
        indexed_arrival=row.indexed_arrival,
        confirmed_arrival=row.confirmed_arrival,
        indexed_version=row.version or "",
        is_tombstone=row.is_tombstone,
        orphans=bool(row.orphans),
    )


_ENSURE_ROWS = text("""
INSERT INTO documents (document_id, collection)
SELECT id, :collection FROM unnest(CAST(:ids AS uuid[])) AS wanted (id) ORDER BY id ON CONFLICT DO NOTHING
""")

_OPEN_INTENTS = text("""
INSERT INTO intents (collection, index_name, document_id, arrival, run_id)
SELECT :collection, :index_name, id, number, :run_id
FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS bigint[])) AS wanted (id, number) ORDER BY id
RETURNING id
""")

_LIMIT_IDLE = text("SELECT set_config('idle_in_transaction_session_timeout', :idle, true)")

LOCK = text("""
SELECT document_id FROM documents WHERE document_id = ANY(CAST(:ids AS uuid[])) ORDER BY document_id FOR UPDATE
""")

# Orphans: what dead runs left open, and what this very run did, in an attempt that an outage ended.
# Newer: a later arrival that is not quarantined (one that failed for good settles nothing, and reading a store again
# gives its bytes anyway), or a place in the order that a later one has already taken.
HEADS = text("""
SELECT d.document_id, wanted.number AS arrival, newest.number AS newest_arrival, d.place, d.is_tombstone,
       x.indexed_arrival, x.confirmed_arrival, x.version,
       coalesce(later.number > wanted.number, false) OR coalesce(d.place > wanted.number, false) AS newer_known,
       ARRAY(SELECT i.id FROM intents i WHERE i.document_id = d.document_id AND i.index_name = :index_name
             AND (i.orphaned_at IS NOT NULL OR i.run_id = :run_id AND i.id <> ALL(CAST(:opened AS bigint[])))
             ) AS orphans
FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS bigint[])) AS wanted (id, number)
JOIN documents d ON d.document_id = wanted.id
LEFT JOIN document_indexes x ON x.document_id = d.document_id AND x.index_name = :index_name
LEFT JOIN LATERAL (SELECT a.number FROM arrivals a WHERE a.document_id = d.document_id
                   ORDER BY a.number DESC LIMIT 1) newest ON true
LEFT JOIN LATERAL (SELECT a.number FROM arrivals a WHERE a.document_id = d.document_id AND a.state <> 'quarantined'
                   ORDER BY a.number DESC LIMIT 1) later ON true
""")
