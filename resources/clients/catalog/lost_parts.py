"""Part files that are lost while the catalog names them: what is history goes with them, the rest is made again."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from resources.clients.catalog.database import Database
from resources.clients.catalog.parts import recount


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """What a lost file held: rows that were forgotten, and the documents whose present rests on it."""

    forgotten: int
    documents: tuple[UUID, ...]


class LostParts:
    """What an audit and its repair ask of files that are not there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def named(self, collection: str, *, after: int = 0, limit: int = 5000) -> list[tuple[int, str]]:
        """Return a page of the files that hold rows of a collection, by id: all that must be there."""
        parameters = {"collection": collection, "after": after, "limit": limit}
        with self._database.transaction() as connection:
            return [(row.id, row.file) for row in connection.execute(_NAMED, parameters)]

    def forget_history(self, collection: str, files: Sequence[str]) -> Lost:
        """Forget the rows of history that lie in these files, and return the documents of the others.

        History is what no index holds, and what a later spec made again: nothing of it can be had any more, and a
        file that is named for it alone would be missed for ever. The others keep their names until a run has made
        their rows again, or the file is brought back. Calling it again forgets nothing more.
        """
        if not files:
            return Lost(forgotten=0, documents=())
        parameters = {"collection": collection, "files": sorted(set(files))}
        with self._database.transaction() as connection:
            ids = list(connection.execute(_LOCK_FILES, parameters).scalars())
            parameters = {"collection": collection, "ids": ids}
            forgotten = list(connection.execute(FORGET_HISTORY, parameters).scalars())
            recount(connection, forgotten)
            documents = connection.execute(_DOCUMENTS, parameters).scalars().all()
        return Lost(forgotten=len(forgotten), documents=tuple(documents))


_NAMED = text("""
SELECT id, file FROM parts WHERE collection = :collection AND unnamed_at IS NULL AND id > :after
ORDER BY id LIMIT :limit
""")

_LOCK_FILES = text("""
SELECT id FROM parts WHERE file = ANY(CAST(:files AS text[])) AND collection = :collection ORDER BY id FOR UPDATE
""")

# What a run is naming at this moment is left to the next look; nobody waits here while holding the parts.
FORGET_HISTORY = text("""
DELETE FROM part_rows r USING (
    SELECT p.asset, p.number, p.fingerprint FROM part_rows p
    WHERE p.part_id = ANY(CAST(:ids AS bigint[])) AND (
        EXISTS (SELECT 1 FROM part_rows n WHERE n.collection = p.collection AND n.asset = p.asset
                AND n.number = p.number AND (n.named_at, n.part_id) > (p.named_at, p.part_id))
        OR NOT EXISTS (SELECT 1 FROM document_indexes x
                       WHERE x.collection = p.collection AND x.indexed_arrival = p.number)
        AND NOT EXISTS (SELECT 1 FROM document_indexes x
                        WHERE x.collection = p.collection AND x.confirmed_arrival = p.number))
    FOR UPDATE OF p SKIP LOCKED) lost
WHERE r.collection = :collection AND r.asset = lost.asset AND r.number = lost.number
    AND r.fingerprint = lost.fingerprint
RETURNING r.part_id
""")

_DOCUMENTS = text("""
SELECT DISTINCT a.document_id FROM part_rows p
JOIN arrivals a ON a.collection = p.collection AND a.number = p.number
WHERE p.part_id = ANY(CAST(:ids AS bigint[])) ORDER BY a.document_id
""")
