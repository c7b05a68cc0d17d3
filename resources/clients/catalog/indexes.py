"""Physical indexes: names and specs, one active for each collection."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from rag_core.index_spec import IndexSpec
from resources.clients.catalog.database import Database, notify_due
from resources.clients.catalog.making_due import LOCK_NEWEST
from resources.clients.catalog.values import IndexRow

LOST_REASON = "index lost"
_AT_ONCE = 1000


class Indexes:
    """What writers ask for the physical name, and where a changed spec is refused."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def active(self, collection: str) -> tuple[str, IndexSpec] | None:
        """Return the physical name and spec that serve, or None before the first."""
        with self._database.transaction() as connection:
            return _active(connection, collection)

    def register(self, collection: str, physical_name: str, spec: IndexSpec) -> tuple[str, IndexSpec]:
        """Make this the active index unless one is; return the active one. Safe from several processes.

        The caller compares: a differing spec means the collection file asks for another index than the one serving.
        """
        parameters = {"collection": collection, "physical_name": physical_name, "spec": spec.to_json()}
        with self._database.transaction() as connection:
            connection.execute(_REGISTER, parameters)
            active = _active(connection, collection)
        return active if active is not None else (physical_name, spec)

    def lost(self, collection: str, physical_name: str) -> int:
        """Make every document of an index due that was lost, and return how many; in bounded transactions.

        Their newest arrivals are read, compared with the index and written again. What the catalog remembers of the
        index stays, so that a quarantined document gets its last good version back; an orphaned intent of each says
        that the index must be asked, also where a run is writing it at this moment. Calling again is safe.
        """
        after, found = UUID(int=0), 0
        while True:
            with self._database.transaction() as connection:
                page = {"index_name": physical_name, "after": after, "limit": _AT_ONCE}
                documents = connection.execute(HELD_BY_INDEX, page).scalars().all()
                if not documents:
                    return found
                found += _look_again(connection, collection, physical_name, documents, reason=LOST_REASON)
                notify_due(connection, collection)
            after = documents[-1]

    def look_again(self, collection: str, physical_name: str, documents: Sequence[UUID], *, reason: str) -> int:
        """Make documents due for reconciliation with source, Parquet and index, settled or not; return how many.

        As of a lost index: the index itself is asked what it holds, and a quarantined document's last good version is
        written again. Calling again is safe; documents that nothing was recorded of are left out.
        """
        found = 0
        for start in range(0, len(documents), _AT_ONCE):
            some = sorted(documents[start : start + _AT_ONCE])
            with self._database.transaction() as connection:
                found += _look_again(connection, collection, physical_name, some, reason=reason)
                notify_due(connection, collection)
        return found

    def all(self, collection: str) -> list[IndexRow]:
        """Return every index ever registered, newest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(_ALL, {"collection": collection}).all()
        return [
            IndexRow(
                collection=row.collection,
                physical_name=row.physical_name,
                spec=row.spec,
                is_active=row.is_active,
                created_at=row.created_at,
            )
            for row in rows
        ]


def _look_again(
    connection: Connection, collection: str, physical_name: str, documents: Sequence[UUID], *, reason: str
) -> int:
    """Make a page of documents due; intents before arrivals, as everywhere."""
    parameters = {"collection": collection, "index_name": physical_name, "documents": list(documents)}
    connection.execute(_ORPHAN, parameters)
    newest = connection.execute(LOCK_NEWEST, {"documents": list(documents)}).all()
    numbers = [row.number for row in newest]
    connection.execute(_LOOK_AGAIN, {"collection": collection, "numbers": numbers, "reason": reason})
    return len(numbers)


def _active(connection: Connection, collection: str) -> tuple[str, IndexSpec] | None:
    row: Any = connection.execute(_ACTIVE, {"collection": collection}).one_or_none()
    return None if row is None else (row.physical_name, IndexSpec.from_json(row.spec))


_ACTIVE = text("SELECT physical_name, spec FROM indexes WHERE collection = :collection AND is_active")

_REGISTER = text("""
INSERT INTO indexes (collection, physical_name, spec, is_active) VALUES (:collection, :physical_name, :spec, true)
ON CONFLICT DO NOTHING
""").bindparams(bindparam("spec", type_=JSONB))

_ALL = text("""
SELECT collection, physical_name, spec, is_active, created_at FROM indexes WHERE collection = :collection
ORDER BY created_at DESC, physical_name
""")

HELD_BY_INDEX = text("""
SELECT document_id FROM document_indexes WHERE document_id > :after AND index_name = :index_name
ORDER BY document_id LIMIT :limit
""")

# For every document and not by state: what is settled now may be begun before this transaction ends.
_ORPHAN = text("""
INSERT INTO intents (collection, index_name, document_id, arrival, run_id, orphaned_at)
SELECT :collection, :index_name, x.document_id, x.indexed_arrival, '', clock_timestamp()
FROM document_indexes x
WHERE x.index_name = :index_name AND x.document_id = ANY(CAST(:documents AS uuid[])) AND NOT EXISTS (
    SELECT 1 FROM intents i
    WHERE i.document_id = x.document_id AND i.index_name = :index_name AND i.orphaned_at IS NOT NULL)
ORDER BY x.document_id
""")

_LOOK_AGAIN = text("""
UPDATE arrivals SET reconcile = true,
    state = CASE WHEN state IN ('processing', 'quarantined', 'retrying') THEN state ELSE 'pending' END,
    attempts = CASE WHEN state IN ('processing', 'retrying') THEN attempts ELSE 0 END,
    due_at = CASE WHEN state = 'processing' THEN NULL ELSE coalesce(due_at, now()) END,
    due_reason = :reason, changed_at = CASE WHEN state = 'quarantined' THEN changed_at ELSE now() END
WHERE collection = :collection AND number = ANY(CAST(:numbers AS bigint[]))
""")
