"""Part files: which file holds an arrival's rows, for each asset and spec."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from uuid import UUID

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, text

from rag_core.errors import DependencyUnavailable, InvalidRequest
from resources.clients.catalog.claims import FIRST_CLAIM
from resources.clients.catalog.database import Database, translating
from resources.clients.catalog.values import FoundPart, NewPart, PartFile

_KEEP_LOCK = 7_264_915_033_003


class Parts:
    """A file counts from the transaction that names it; one without arrivals is garbage."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def name(self, collection: str, partition: int, parts: Sequence[NewPart]) -> None:
        """Name the files for their arrivals in one transaction; files left without arrivals become garbage."""
        with self._database.transaction() as connection:
            for part in parts:
                part_id = _insert(connection, collection, partition, part)
                held = connection.execute(
                    _NAME, {"collection": collection, **_rows(part), "part_id": part_id}
                ).scalars()
                recount(connection, [part_id, *held])

    def files(self, collection: str, partition: int, asset: str, fingerprint: str | None = None) -> dict[int, str]:
        """Return the file of each arrival of a block; without a fingerprint the one named last."""
        parameters = {"collection": collection, "partition": partition, "asset": asset, "fingerprint": fingerprint}
        with self._database.transaction() as connection:
            rows = connection.execute(_FILES, parameters).all()
        return {row.number: row.file for row in rows}

    def of_block(self, collection: str, partition: int) -> list[PartFile]:
        """Return the block's files that are named for at least one arrival."""
        with self._database.transaction() as connection:
            rows = connection.execute(_OF_BLOCK, {"collection": collection, "partition": partition}).all()
        return [
            PartFile(
                collection=collection,
                partition=partition,
                asset=row.asset,
                fingerprint=row.fingerprint,
                file=row.file,
                rows=row.rows,
                bytes=row.bytes,
                arrivals=row.arrivals,
            )
            for row in rows
        ]

    def latest_for(self, document_ids: Sequence[UUID], asset: str, fingerprint: str) -> dict[UUID, FoundPart]:
        """Return, for each document that has any, the newest arrival with rows and their file."""
        parameters = {"ids": list(document_ids), "asset": asset, "fingerprint": fingerprint}
        with self._database.transaction() as connection:
            rows = connection.execute(LATEST_FOR, parameters).all()
        return {row.id: FoundPart(arrival=row.number, file=row.file) for row in rows}

    def replace(self, collection: str, partition: int, old_files: Sequence[str], new: NewPart) -> int:
        """Name ``new`` for those of its arrivals that one of ``old_files`` still holds; return how many."""
        with self._database.transaction() as connection:
            old = connection.execute(_IDS, {"files": list(old_files)}).scalars().all()
            part_id = _insert(connection, collection, partition, new)
            moved = connection.execute(
                _MOVE, {"collection": collection, **_rows(new), "part_id": part_id, "old": list(old)}
            ).rowcount
            recount(connection, [part_id, *old])
        return moved

    def forget_rows(self, collection: str, asset: str, documents: Sequence[UUID]) -> int:
        """Forget which files hold an asset's rows of these documents, so that they are made again; return how many."""
        parameters = {"collection": collection, "asset": asset, "documents": list(documents)}
        with self._database.transaction() as connection:
            connection.execute(_LOCK_PARTS_OF, parameters)
            held = connection.execute(_FORGET_ROWS, parameters).scalars()
            rows = list(held)
            recount(connection, rows)
        return len(rows)

    @contextmanager
    def in_use(self) -> Generator[Callable[[], None]]:
        """Keep every file that is named now, or was until now, from being deleted while the block lasts; one at a time.

        What it gives raises ``DependencyUnavailable`` when the promise was lost with the session that holds it.
        """
        with self._database.session() as session:
            try:
                with translating():
                    session.execute("SELECT pg_advisory_lock(%s)", (_KEEP_LOCK,))
            except DependencyUnavailable as error:
                if not isinstance(error.__cause__, LockNotAvailable):
                    raise
                message = "Another backup is being made, or old Parquet files are being deleted."
                raise InvalidRequest(message, remedy="Wait until that is done.") from None

            def check() -> None:
                with translating():
                    session.execute("SELECT 1")

            yield check

    @contextmanager
    def deleting(self) -> Generator[bool]:
        """Give the right to delete files; False while somebody relies on all of them, as a backup does."""
        with self._database.session() as session:
            row = session.execute("SELECT pg_try_advisory_lock(%s)", (_KEEP_LOCK,)).fetchone()
            yield row is not None and bool(row[0])

    def unnamed(self, *, older_than_s: float, limit: int = 1000) -> list[str]:
        """Return files that have held no arrival's rows for so long; delete them, then ``forget`` them."""
        with self._database.transaction() as connection:
            rows = connection.execute(_UNNAMED, {"older_than_s": older_than_s, "limit": limit})
            return list(rows.scalars())

    def named(self, files: Sequence[str]) -> set[str]:
        """Return which of these files the catalog knows; others were never named (a crash before it)."""
        with self._database.transaction() as connection:
            return set(connection.execute(_KNOWN, {"files": list(files)}).scalars())

    def forget(self, files: Sequence[str]) -> None:
        """Forget garbage files after deleting them; files that hold rows stay."""
        with self._database.transaction() as connection:
            connection.execute(_FORGET, {"files": list(files)})

    def retirable(self, collection: str, *, limit: int = 100) -> list[int]:
        """Return full blocks that hold no document's newest, indexed or confirmed arrival and no due work."""
        with self._database.transaction() as connection:
            return list(connection.execute(_RETIRABLE, {"collection": collection, "limit": limit}).scalars())

    def retire(self, collection: str, partition: int) -> list[str]:
        """Retire a block and return its files, now garbage; its number is never used again."""
        parameters = {"collection": collection, "partition": partition}
        with self._database.transaction() as connection:
            if connection.execute(_RETIRE, parameters).rowcount != 1:
                raise InvalidRequest(f"Block {partition} of {collection} is being worked on; retire it later.")
            connection.execute(_DROP_CONTENTS, parameters)
            connection.execute(_DROP_ROWS, parameters)
            return list(connection.execute(_DROP_PARTS, parameters).scalars())


def _insert(connection: Connection, collection: str, partition: int, part: NewPart) -> int:
    values = {"collection": collection, "partition": partition, "file": part.file, "rows": part.rows}
    values |= {"asset": part.asset, "fingerprint": part.fingerprint, "bytes": part.bytes}
    return connection.execute(_INSERT, {**values, "arrivals": len(set(part.arrivals))}).scalar_one()


def _rows(part: NewPart) -> dict[str, object]:
    return {"asset": part.asset, "fingerprint": part.fingerprint, "numbers": sorted(part.arrivals)}


def recount(connection: Connection, part_ids: Sequence[int]) -> None:
    """Count again what these files hold: one that lost rows has dead ones from now on, one without any is garbage."""
    connection.execute(_RECOUNT, {"ids": sorted(set(part_ids))})


_INSERT = text("""
INSERT INTO parts (collection, partition, asset, fingerprint, file, rows, bytes, arrivals)
VALUES (:collection, :partition, :asset, :fingerprint, :file, :rows, :bytes, :arrivals)
ON CONFLICT (file) DO UPDATE SET rows = excluded.rows, bytes = excluded.bytes, arrivals = excluded.arrivals,
    unnamed_at = NULL, dead_at = NULL
RETURNING id
""")

_NAME = text("""
WITH held AS (
    SELECT part_id FROM part_rows WHERE collection = :collection AND asset = :asset
        AND fingerprint = :fingerprint AND number = ANY(CAST(:numbers AS bigint[]))
    ORDER BY number FOR UPDATE
), named AS (
    INSERT INTO part_rows (collection, asset, number, fingerprint, part_id)
    SELECT :collection, :asset, number, :fingerprint, :part_id
    FROM unnest(CAST(:numbers AS bigint[])) AS wanted (number) ORDER BY number
    ON CONFLICT (collection, asset, number, fingerprint) DO UPDATE SET part_id = excluded.part_id, named_at = now()
)
SELECT DISTINCT part_id FROM held
""")

_MOVE = text("""
UPDATE part_rows SET part_id = :part_id, named_at = now()
WHERE collection = :collection AND asset = :asset AND fingerprint = :fingerprint
    AND number = ANY(CAST(:numbers AS bigint[])) AND part_id = ANY(CAST(:old AS bigint[]))
""")

_LOCK_PARTS_OF = text("""
SELECT id FROM parts WHERE id IN (
    SELECT p.part_id FROM arrivals a
    JOIN part_rows p ON p.collection = a.collection AND p.asset = :asset AND p.number = a.number
    WHERE a.document_id = ANY(CAST(:documents AS uuid[])) AND a.collection = :collection)
ORDER BY id FOR UPDATE
""")

# What a run is naming at this moment is left to the next look; nobody waits here while holding the parts.
_FORGET_ROWS = text("""
DELETE FROM part_rows r USING (
    SELECT p.number, p.fingerprint FROM arrivals a
    JOIN part_rows p ON p.collection = a.collection AND p.asset = :asset AND p.number = a.number
    WHERE a.document_id = ANY(CAST(:documents AS uuid[])) AND a.collection = :collection
    ORDER BY p.number FOR UPDATE OF p SKIP LOCKED) chosen
WHERE r.collection = :collection AND r.asset = :asset AND r.number = chosen.number
    AND r.fingerprint = chosen.fingerprint
RETURNING r.part_id
""")

_RECOUNT = text("""
UPDATE parts p SET arrivals = counted.arrivals,
    dead_at = CASE WHEN counted.arrivals < p.arrivals THEN coalesce(p.dead_at, now()) ELSE p.dead_at END,
    unnamed_at = CASE WHEN counted.arrivals = 0 THEN coalesce(p.unnamed_at, now()) END
FROM (SELECT q.id, (SELECT count(*) FROM part_rows r WHERE r.part_id = q.id) AS arrivals
      FROM parts q WHERE q.id = ANY(CAST(:ids AS bigint[])) ORDER BY q.id FOR UPDATE) counted
WHERE p.id = counted.id
""")

_FILES = text("""
SELECT DISTINCT ON (r.number) r.number, p.file
FROM blocks b
JOIN part_rows r ON r.collection = b.collection AND r.asset = :asset
    AND r.number >= b.first_number AND r.number < b.first_number + b.arrivals
JOIN parts p ON p.id = r.part_id
WHERE b.collection = :collection AND b.partition = :partition
    AND (CAST(:fingerprint AS text) IS NULL OR r.fingerprint = :fingerprint)
ORDER BY r.number, r.named_at DESC, r.part_id DESC
""")

_OF_BLOCK = text("""
SELECT asset, fingerprint, file, rows, bytes, arrivals FROM parts
WHERE collection = :collection AND partition = :partition AND unnamed_at IS NULL
ORDER BY asset, fingerprint, id
""")

LATEST_FOR = text("""
SELECT d.id, found.number, found.file FROM unnest(CAST(:ids AS uuid[])) AS d (id), LATERAL (
    SELECT a.number, p.file FROM arrivals a
    JOIN part_rows r ON r.collection = a.collection AND r.asset = :asset AND r.number = a.number
        AND r.fingerprint = :fingerprint
    JOIN parts p ON p.id = r.part_id
    WHERE a.document_id = d.id ORDER BY a.number DESC LIMIT 1) found
""")

_IDS = text("SELECT id FROM parts WHERE file = ANY(CAST(:files AS text[])) ORDER BY id FOR UPDATE")

_UNNAMED = text("""
SELECT file FROM parts WHERE unnamed_at <= now() - make_interval(secs => :older_than_s)
ORDER BY unnamed_at, id LIMIT :limit
""")

_KNOWN = text("SELECT file FROM parts WHERE file = ANY(CAST(:files AS text[]))")

_FORGET = text("""
DELETE FROM parts p WHERE file = ANY(CAST(:files AS text[])) AND unnamed_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM part_rows r WHERE r.part_id = p.id)
""")

# For a block in use the first look finds a newest arrival, so going through all blocks stays cheap.
_RETIRABLE = text("""
SELECT b.partition FROM blocks b
LEFT JOIN claims c ON c.collection = b.collection AND c.partition = b.partition
WHERE b.collection = :collection AND b.is_full AND NOT coalesce(c.is_retired, false)
    AND NOT EXISTS (
        SELECT 1 FROM arrivals a
        WHERE a.collection = b.collection AND a.number >= b.first_number AND a.number < b.first_number + b.arrivals
            AND (a.due_at IS NOT NULL OR a.state = 'processing' OR NOT EXISTS (
                SELECT 1 FROM arrivals n WHERE n.document_id = a.document_id AND n.number > a.number)))
    AND NOT EXISTS (
        SELECT 1 FROM document_indexes x WHERE x.collection = b.collection
            AND x.indexed_arrival >= b.first_number AND x.indexed_arrival < b.first_number + b.arrivals)
    AND NOT EXISTS (
        SELECT 1 FROM document_indexes x WHERE x.collection = b.collection
            AND x.confirmed_arrival >= b.first_number AND x.confirmed_arrival < b.first_number + b.arrivals)
ORDER BY b.partition LIMIT :limit
""")

_RETIRE = text(f"""
INSERT INTO claims AS c (collection, partition, number, state, lane, lease_until, is_retired)
VALUES (:collection, :partition, {FIRST_CLAIM}, 'released', 'batch', now(), true)
ON CONFLICT (collection, partition) DO UPDATE SET is_retired = true
WHERE c.state = 'released' OR c.lease_until <= now()
""")  # noqa: S608 - a constant

_DROP_CONTENTS = text("""
DELETE FROM contents k USING blocks b WHERE b.collection = :collection AND b.partition = :partition
    AND k.collection = b.collection AND k.number >= b.first_number AND k.number < b.first_number + b.arrivals
""")

_DROP_ROWS = text("""
DELETE FROM part_rows r USING blocks b WHERE b.collection = :collection AND b.partition = :partition
    AND r.collection = b.collection AND r.number >= b.first_number AND r.number < b.first_number + b.arrivals
""")

_DROP_PARTS = text("""
UPDATE parts SET arrivals = 0, unnamed_at = coalesce(unnamed_at, now())
WHERE collection = :collection AND partition = :partition RETURNING file
""")
