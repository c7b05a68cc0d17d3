"""What history is kept for: Parquet rows of versions that newer ones replaced go after some time, a block at a time.

Nothing goes that says anything of the present: the rows of a document's newest arrival, of the one that the index holds
and of the one that confirmed it last, of whatever is due, in work or has an open write. Arrivals stay for ever: they
are small, hold no text, and a vector that serves may name any of them as the one that it was made for.
"""

from dataclasses import dataclass

from sqlalchemy import text

from resources.clients.catalog.database import Database
from resources.clients.catalog.parts import recount

DEAD_DAYS = 7
"""So long rows that count no more may lie in a file before it is written again without them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was forgotten of a block, and the (asset, fingerprint) whose files must be written again without it."""

    part_rows: int
    to_fold: tuple[tuple[str, str], ...]


class Retention:
    """Every call is one or two short transactions over one block; calling it again forgets nothing more."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unseen_longest(self, collection: str, *, seen_before_s: float, limit: int) -> list[int]:
        """Return blocks that ``forget`` has not looked at for so long, or never, those of the longest time first."""
        parameters = {"collection": collection, "seen_before_s": seen_before_s, "limit": limit}
        with self._database.transaction() as connection:
            return list(connection.execute(_UNSEEN, parameters).scalars())

    def forget(self, collection: str, partition: int, *, keep_days: float, dead_days: float = DEAD_DAYS) -> Forgotten:
        """Forget a block's Parquet rows of versions that were replaced more than ``keep_days`` ago.

        A file is to be folded once some of its rows have counted no more for ``dead_days``, for whatever reason: so a
        fold that a crash prevented is asked for again, and a file is not written for each row that goes.

        1. Mark the block as looked at, in a transaction of its own: one that always fails stops no other.
        2. Forget rows and count what the files still hold in one transaction: what is dead is written down with it.
        """
        block = {"collection": collection, "partition": partition}
        with self._database.transaction() as connection:
            connection.execute(_SEEN, block)
        with self._database.transaction() as connection:
            # Waited for while nothing is held; behind it what somebody else holds is skipped.
            connection.execute(_LOCK_PARTS, block)
            parts = list(connection.execute(FORGET_ROWS, {**block, "days": keep_days}).scalars())
            recount(connection, parts)
            connection.execute(_FORGET_CONTENTS, block)
            dead = connection.execute(_DEAD, {**block, "days": dead_days}).all()
        return Forgotten(part_rows=len(parts), to_fold=tuple((row.asset, row.fingerprint) for row in dead))

    def embedding_files(self, collection: str) -> list[str]:
        """Return every file that holds vectors of a collection, and who made them."""
        with self._database.transaction() as connection:
            return list(connection.execute(_EMBEDDING_FILES, {"collection": collection}).scalars())

    def runs_named(self, collection: str) -> set[str]:
        """Return the runs that wrote or confirmed what the index holds, and those of documents that failed."""
        with self._database.transaction() as connection:
            return set(connection.execute(_RUNS_NAMED, {"collection": collection}).scalars())

    def upload_requests(self, *, limit: int = 1000) -> int:
        """Forget answers to uploads whose time is over; return how many. Call until it returns 0."""
        with self._database.transaction() as connection:
            return connection.execute(_UPLOAD_REQUESTS, {"limit": limit}).rowcount


_UNSEEN = text("""
SELECT b.partition FROM blocks b LEFT JOIN claims c ON c.collection = b.collection AND c.partition = b.partition
WHERE b.collection = :collection AND NOT coalesce(c.is_retired, false)
    AND (b.kept_at IS NULL OR b.kept_at <= now() - make_interval(secs => :seen_before_s))
ORDER BY b.kept_at NULLS FIRST, b.partition LIMIT :limit
""")

_SEEN = text("UPDATE blocks SET kept_at = now() WHERE collection = :collection AND partition = :partition")

_LOCK_PARTS = text("""
SELECT id FROM parts WHERE collection = :collection AND partition = :partition ORDER BY id FOR UPDATE
""")

# When a version was replaced: when the next one was recorded that took its place in the index. One that only says that
# nothing changed (unchanged), or failed, took no place: the older one went on answering. Where none did, and this one
# does not answer either, it is the next one, whatever became of it.
_REPLACED_AT = """
    coalesce(
        (SELECT n.recorded_at FROM arrivals n WHERE n.document_id = a.document_id AND n.number > a.number
            AND n.state IN ('indexed', 'deleted') ORDER BY n.number LIMIT 1),
        CASE WHEN a.state = 'superseded' THEN a.changed_at END,
        (SELECT n.recorded_at FROM arrivals n WHERE n.document_id = a.document_id AND n.number > a.number
            ORDER BY n.number LIMIT 1))
"""

# Bounded by the block's numbers; an arrival and all that is asked of it are found by index.
_IS_HISTORY = f"""
    a.due_at IS NULL AND a.state NOT IN ('processing', 'pending', 'retrying')
    AND NOT EXISTS (SELECT 1 FROM document_indexes x WHERE x.document_id = a.document_id
                    AND (x.indexed_arrival = a.number OR x.confirmed_arrival = a.number))
    AND NOT EXISTS (SELECT 1 FROM intents i WHERE i.document_id = a.document_id)
    AND {_REPLACED_AT} < now() - make_interval(secs => 86400 * CAST(:days AS double precision))
"""  # noqa: S608 - a constant of this module

FORGET_ROWS = text(
    f"""
WITH locked AS (
    SELECT r.asset, r.number, r.fingerprint FROM blocks b
    JOIN part_rows r ON r.collection = b.collection AND r.asset IN ('documents', 'chunks', 'embeddings')
        AND r.number >= b.first_number AND r.number < b.first_number + b.arrivals
    JOIN arrivals a ON a.collection = r.collection AND a.number = r.number
    WHERE b.collection = :collection AND b.partition = :partition AND {_IS_HISTORY}
    FOR UPDATE OF r SKIP LOCKED
)
DELETE FROM part_rows r USING locked
WHERE r.collection = :collection AND r.asset = locked.asset AND r.number = locked.number
    AND r.fingerprint = locked.fingerprint
RETURNING r.part_id
"""  # noqa: S608 - constants of this module
)

# What names rows that are gone finds nothing any more; losing one loses only reuse.
_FORGET_CONTENTS = text("""
DELETE FROM contents k USING (
    SELECT c.collection, c.sha256 FROM blocks b
    JOIN contents c ON c.collection = b.collection
        AND c.number >= b.first_number AND c.number < b.first_number + b.arrivals
    WHERE b.collection = :collection AND b.partition = :partition
        AND NOT EXISTS (SELECT 1 FROM part_rows r WHERE r.collection = c.collection AND r.number = c.number
                        AND r.asset IN ('documents', 'chunks', 'embeddings'))
    FOR UPDATE OF c SKIP LOCKED) gone
WHERE k.collection = gone.collection AND k.sha256 = gone.sha256
""")

_DEAD = text("""
SELECT DISTINCT asset, fingerprint FROM parts
WHERE collection = :collection AND partition = :partition AND unnamed_at IS NULL
    AND dead_at <= now() - make_interval(secs => 86400 * CAST(:days AS double precision))
ORDER BY asset, fingerprint
""")

_EMBEDDING_FILES = text("""
SELECT file FROM parts WHERE collection = :collection AND asset = 'embeddings' AND unnamed_at IS NULL
ORDER BY partition, id
""")

_RUNS_NAMED = text("""
SELECT indexed_run FROM document_indexes WHERE collection = :collection
UNION SELECT confirmed_run FROM document_indexes WHERE collection = :collection
UNION SELECT run_id FROM arrivals WHERE collection = :collection
    AND state IN ('pending', 'processing', 'retrying', 'quarantined')
""")

_UPLOAD_REQUESTS = text("""
DELETE FROM upload_requests WHERE (uploader, idempotency_key) IN (
    SELECT uploader, idempotency_key FROM upload_requests WHERE expires_at < now() LIMIT :limit FOR UPDATE SKIP LOCKED)
""")
