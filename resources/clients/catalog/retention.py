"""What history is kept for: rows of versions that newer ones replaced go after some time, a block at a time.

Nothing goes that says anything of the present: a document's newest arrival, the one that the index holds, the one that
confirmed it last, what a source's latest observation names, and whatever is due, in work or has an open write.
"""

from dataclasses import dataclass

from sqlalchemy import text

from resources.clients.catalog.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was forgotten of a block; ``leaves_dead_rows``: files still hold rows of others, and should be folded."""

    part_rows: int
    arrivals: int
    leaves_dead_rows: bool


class Retention:
    """Every call is one short transaction over one block; calling it again forgets nothing more."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def forget(self, collection: str, partition: int, *, keep_days: int) -> Forgotten:
        """Forget a block's history older than ``keep_days``: Parquet rows of replaced versions, then their arrivals.

        A file's rows are forgotten once half of it is history, so that what is left is not written again for little.
        """
        parameters = {"collection": collection, "partition": partition, "days": keep_days}
        with self._database.transaction() as connection:
            # Waited for while nothing is held; behind it what somebody else holds is skipped.
            connection.execute(_LOCK_PARTS, parameters)
            parts = list(connection.execute(FORGET_ROWS, parameters).scalars())
            left = 0
            if parts:
                left = connection.execute(_RECOUNT, {"ids": sorted(set(parts))}).scalar_one()
            arrivals = connection.execute(FORGET_ARRIVALS, parameters).scalar_one()
        return Forgotten(part_rows=len(parts), arrivals=arrivals, leaves_dead_rows=left > 0)

    def upload_requests(self, *, limit: int = 1000) -> int:
        """Forget answers to uploads whose time is over; return how many. Call until it returns 0."""
        with self._database.transaction() as connection:
            return connection.execute(_UPLOAD_REQUESTS, {"limit": limit}).rowcount


# Bounded by the block's numbers; an arrival and all that is asked of it are found by index.
_IS_HISTORY = """
    EXISTS (SELECT 1 FROM arrivals n WHERE n.document_id = a.document_id AND n.number > a.number)
    AND a.due_at IS NULL AND a.state NOT IN ('processing', 'pending', 'retrying')
    AND a.changed_at < now() - make_interval(days => :days)
    AND NOT EXISTS (SELECT 1 FROM document_indexes x WHERE x.document_id = a.document_id
                    AND (x.indexed_arrival = a.number OR x.confirmed_arrival = a.number))
    AND NOT EXISTS (SELECT 1 FROM intents i WHERE i.document_id = a.document_id)
"""

_LOCK_PARTS = text("""
SELECT id FROM parts WHERE collection = :collection AND partition = :partition ORDER BY id FOR UPDATE
""")

FORGET_ROWS = text(
    f"""
WITH held AS (
    SELECT r.part_id, r.asset, r.number, r.fingerprint, ({_IS_HISTORY}) AS is_history
    FROM blocks b
    JOIN part_rows r ON r.collection = b.collection AND r.asset IN ('documents', 'chunks', 'embeddings')
        AND r.number >= b.first_number AND r.number < b.first_number + b.arrivals
    JOIN arrivals a ON a.collection = r.collection AND a.number = r.number
    WHERE b.collection = :collection AND b.partition = :partition
), chosen AS (
    SELECT part_id FROM held GROUP BY part_id
    HAVING count(*) FILTER (WHERE is_history) > 0 AND 2 * count(*) FILTER (WHERE is_history) >= count(*)
), locked AS (
    SELECT r.asset, r.number, r.fingerprint FROM held JOIN chosen ON chosen.part_id = held.part_id
    JOIN part_rows r ON r.collection = :collection AND r.asset = held.asset AND r.number = held.number
        AND r.fingerprint = held.fingerprint AND r.part_id = held.part_id
    WHERE held.is_history FOR UPDATE OF r SKIP LOCKED
)
DELETE FROM part_rows r USING locked
WHERE r.collection = :collection AND r.asset = locked.asset AND r.number = locked.number
    AND r.fingerprint = locked.fingerprint
RETURNING r.part_id
"""  # noqa: S608 - constants of this module
)

_RECOUNT = text("""
WITH counted AS (
    UPDATE parts p SET arrivals = now_held.arrivals,
        unnamed_at = CASE WHEN now_held.arrivals = 0 THEN coalesce(p.unnamed_at, now()) END
    FROM (SELECT q.id, (SELECT count(*) FROM part_rows r WHERE r.part_id = q.id) AS arrivals
          FROM parts q WHERE q.id = ANY(CAST(:ids AS bigint[])) ORDER BY q.id FOR UPDATE) now_held
    WHERE p.id = now_held.id RETURNING p.arrivals
)
SELECT count(*) FILTER (WHERE arrivals > 0) FROM counted
""")

FORGET_ARRIVALS = text(
    f"""
WITH chosen AS (
    SELECT a.number FROM blocks b
    JOIN arrivals a ON a.collection = b.collection
        AND a.number >= b.first_number AND a.number < b.first_number + b.arrivals
    WHERE b.collection = :collection AND b.partition = :partition AND {_IS_HISTORY}
        AND NOT EXISTS (SELECT 1 FROM part_rows r WHERE r.collection = a.collection AND r.number = a.number
                        AND r.asset IN ('documents', 'chunks', 'embeddings'))
        AND NOT EXISTS (SELECT 1 FROM observations o WHERE o.collection = a.collection AND o.source = a.source
                        AND o.key = a.key AND o.number = a.number)
    ORDER BY a.number FOR UPDATE OF a SKIP LOCKED
), uploaded AS (
    DELETE FROM uploads u USING chosen WHERE u.collection = :collection AND u.arrival = chosen.number
), gone AS (
    DELETE FROM arrivals a USING chosen WHERE a.collection = :collection AND a.number = chosen.number RETURNING 1
)
SELECT count(*) FROM gone
"""  # noqa: S608 - constants of this module
)

_UPLOAD_REQUESTS = text("""
DELETE FROM upload_requests WHERE (uploader, idempotency_key) IN (
    SELECT uploader, idempotency_key FROM upload_requests WHERE expires_at < now() LIMIT :limit FOR UPDATE SKIP LOCKED)
""")
