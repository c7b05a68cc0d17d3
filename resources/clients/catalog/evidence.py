"""What checks compare the index and Parquet with: which documents a block or a run concerns, and what they hold."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from rag_core.arrivals import ArrivalState
from resources.clients.catalog.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDocument:
    """A document by its newest arrival, and why that arrival is in its state."""

    document_id: UUID
    uri: str
    state: ArrivalState
    reason: str


class Evidence:
    """Read-only; every answer is bounded by a block, or by what is asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def touched(self, collection: str, partition: int, run_id: str) -> list[UUID]:
        """Return the documents of those arrivals of a block that a run was the last to work on."""
        parameters = {"collection": collection, "partition": partition, "run_id": run_id}
        with self._database.transaction() as connection:
            return list(connection.execute(TOUCHED, parameters).scalars())

    def without_points(
        self, collection: str, partition: int, index_name: str, *, run_id: str | None = None
    ) -> list[KnownDocument]:
        """Return the documents of a block (or of a run's share of it) of which an index must hold nothing.

        Their newest arrival lies in the block, the index has no version of them, and nobody is writing them.
        """
        parameters = {"collection": collection, "partition": partition, "index_name": index_name, "run_id": run_id}
        with self._database.transaction() as connection:
            rows = connection.execute(WITHOUT_POINTS, parameters).all()
        return [
            KnownDocument(
                document_id=row.document_id, uri=row.uri, state=ArrivalState(row.state), reason=row.reason_kind
            )
            for row in rows
        ]

    def quarantined(self, collection: str, partition: int, *, limit: int) -> tuple[int, list[KnownDocument]]:
        """Return how many documents have their newest arrival quarantined in a block, and the first few of them."""
        parameters = {"collection": collection, "partition": partition, "limit": limit}
        with self._database.transaction() as connection:
            rows = connection.execute(QUARANTINED, parameters).all()
        documents = [
            KnownDocument(
                document_id=row.document_id,
                uri=row.uri,
                state=ArrivalState.QUARANTINED,
                reason=f"{row.reason_kind}: {row.reason}",
            )
            for row in rows
        ]
        return (rows[0].all_of_them if rows else 0), documents

    def answering(self, index_name: str, documents: Collection[UUID]) -> set[UUID]:
        """Return those documents that may have points: the index has a version of them, or somebody is writing them."""
        parameters = {"index_name": index_name, "ids": list(documents)}
        with self._database.transaction() as connection:
            return set(connection.execute(ANSWERING, parameters).scalars())

    def being_written(self, documents: Collection[UUID]) -> set[UUID]:
        """Return those documents that have an open write."""
        with self._database.transaction() as connection:
            return set(connection.execute(BEING_WRITTEN, {"ids": list(documents)}).scalars())

    def without_outcome(
        self, collection: str, index_name: str, *, after: int = -1, limit: int = 1000
    ) -> list[tuple[int, UUID, str]]:
        """Return number, document and URI of newest arrivals that are settled as indexed while the index has no row."""
        parameters = {"collection": collection, "index_name": index_name, "after": after, "limit": limit}
        with self._database.transaction() as connection:
            rows = connection.execute(WITHOUT_OUTCOME, parameters).all()
        return [(row.number, row.document_id, row.uri) for row in rows]

    def next_number(self, collection: str) -> int:
        """Return the number that the next arrival gets."""
        with self._database.transaction() as connection:
            return connection.execute(_NEXT_NUMBER, {"collection": collection}).scalar_one_or_none() or 0

    def work_left(self, collection: str, *, reasons: Sequence[str], recorded: Sequence[range] = ()) -> int:
        """Return how many arrivals are due by now or in processing for these reasons, or of these numbers.

        Counted no further than 100,000 for each of both.
        """
        with self._database.transaction() as connection:
            left = connection.execute(WORK_LEFT, {"collection": collection, "reasons": list(reasons)}).scalar_one()
            for numbers in recorded:
                parameters = {"collection": collection, "first": numbers.start, "end": numbers.stop}
                left += connection.execute(_RECORDED_LEFT, parameters).scalar_one()
        return left

    def files(self, collection: str, asset: str, numbers: Sequence[int]) -> dict[int, str]:
        """Return the file of each arrival, whatever its block; the one named last."""
        parameters = {"collection": collection, "asset": asset, "numbers": list(numbers)}
        with self._database.transaction() as connection:
            rows = connection.execute(FILES, parameters).all()
        return {row.number: row.file for row in rows}


_IS_NEWEST = "NOT EXISTS (SELECT 1 FROM arrivals n WHERE n.document_id = a.document_id AND n.number > a.number)"
_OF_BLOCK = """
FROM blocks b JOIN arrivals a ON a.collection = b.collection
    AND a.number >= b.first_number AND a.number < b.first_number + b.arrivals
WHERE b.collection = :collection AND b.partition = :partition
"""

TOUCHED = text(f"SELECT DISTINCT a.document_id {_OF_BLOCK} AND a.run_id = :run_id ORDER BY a.document_id")

WITHOUT_POINTS = text(
    f"""
SELECT a.document_id, a.uri, a.state, a.reason_kind {_OF_BLOCK}
    AND (CAST(:run_id AS text) IS NULL OR a.run_id = :run_id) AND {_IS_NEWEST}
    AND NOT EXISTS (
        SELECT 1 FROM document_indexes x WHERE x.document_id = a.document_id AND x.index_name = :index_name)
    AND NOT EXISTS (SELECT 1 FROM intents i WHERE i.document_id = a.document_id)
ORDER BY a.number
"""  # noqa: S608 - constants of this module
)

QUARANTINED = text(
    f"""
SELECT a.document_id, a.uri, a.reason_kind, a.reason, count(*) OVER () AS all_of_them {_OF_BLOCK}
    AND a.state = 'quarantined' AND {_IS_NEWEST} ORDER BY a.number LIMIT :limit
"""
)

ANSWERING = text("""
SELECT asked.id FROM unnest(CAST(:ids AS uuid[])) AS asked (id)
WHERE EXISTS (SELECT 1 FROM document_indexes x WHERE x.document_id = asked.id AND x.index_name = :index_name)
    OR EXISTS (SELECT 1 FROM intents i WHERE i.document_id = asked.id)
""")

BEING_WRITTEN = text("SELECT DISTINCT document_id FROM intents WHERE document_id = ANY(CAST(:ids AS uuid[]))")

WITHOUT_OUTCOME = text(
    f"""
SELECT a.number, a.document_id, a.uri FROM arrivals a
WHERE a.collection = :collection AND a.state IN ('indexed', 'unchanged') AND a.number > :after AND a.due_at IS NULL
    AND {_IS_NEWEST}
    AND NOT EXISTS (
        SELECT 1 FROM document_indexes x WHERE x.document_id = a.document_id AND x.index_name = :index_name)
    AND NOT EXISTS (SELECT 1 FROM intents i WHERE i.document_id = a.document_id)
ORDER BY a.number LIMIT :limit
"""  # noqa: S608 - constants of this module
)

_NEXT_NUMBER = text("SELECT next_number FROM collections WHERE collection = :collection")

WORK_LEFT = text("""
SELECT count(*) FROM (
    SELECT 1 FROM arrivals WHERE collection = :collection AND (due_at <= now() OR state = 'processing')
        AND due_reason = ANY(CAST(:reasons AS text[]))
    LIMIT 100000) counted
""")

_RECORDED_LEFT = text("""
SELECT count(*) FROM (
    SELECT 1 FROM arrivals WHERE collection = :collection AND (due_at <= now() OR state = 'processing')
        AND number >= :first AND number < :end
    LIMIT 100000) counted
""")

FILES = text("""
SELECT DISTINCT ON (r.number) r.number, p.file FROM part_rows r JOIN parts p ON p.id = r.part_id
WHERE r.collection = :collection AND r.asset = :asset AND r.number = ANY(CAST(:numbers AS bigint[]))
ORDER BY r.number, r.named_at DESC, r.part_id DESC
""")
