"""From staged observations to numbered arrivals, within the caller's transaction.

1. Stage by COPY into a session's temporary table: one round trip, whatever the number.
2. Deduplicate without a lock: most of what sweeps repeat ends here, and the counter is never touched.
3. Lock the collection's counter, last of all locks: numbers are handed out one transaction at a time, and a rolled-back
   one gives its numbers back, so there are no gaps.
4. If others recorded meanwhile, deduplicate again: of two recorders of the same observation only one adds it.
5. Fill blocks, insert arrivals, replace the latest observations, advance the counter, wake those who wait.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, text

from rag_core.arrivals import Observation
from rag_core.errors import InvalidRequest
from rag_core.identity import document_id
from resources.clients.catalog.blocks import Fill, fill_blocks
from resources.clients.catalog.database import notify_due
from resources.clients.catalog.values import MAX_KEY_BYTES, PartitionLimits, Recorded

_STAGE = text("""
CREATE TEMPORARY TABLE IF NOT EXISTS staged (
    ord bigint NOT NULL, document_id uuid NOT NULL, key text COLLATE "C" NOT NULL, uri text COLLATE "C" NOT NULL,
    presence text NOT NULL, announced text NOT NULL, size_bytes bigint NOT NULL, traceparent text
) ON COMMIT DELETE ROWS
""")
_COPY = b"COPY staged (ord, document_id, key, uri, presence, announced, size_bytes, traceparent) FROM STDIN"

# A row is compared with the one before it of the same key in this recording, the first with the latest recorded one.
# LATERAL with LIMIT keeps it a look-up by primary key, whatever the planner believes of the temporary table.
_DROP_SAME = text("""
DELETE FROM staged USING (
    SELECT s.ord,
           CASE WHEN s.before IS NULL THEN o.presence ELSE s.before END AS presence_before,
           CASE WHEN s.before IS NULL THEN o.announced ELSE s.announced_before END AS announced_before,
           o.number
    FROM (SELECT ord, key, lag(presence) OVER w AS before, lag(announced) OVER w AS announced_before
          FROM staged WINDOW w AS (PARTITION BY key ORDER BY ord)) s
    LEFT JOIN LATERAL (
        SELECT presence, announced, number FROM observations
        WHERE collection = :collection AND source = :source AND key = s.key LIMIT 1
    ) o ON true
) known
WHERE staged.ord = known.ord AND CASE
    WHEN known.number >= CAST(:older_than AS bigint) THEN true
    WHEN staged.presence = 'gone' THEN known.presence_before IS DISTINCT FROM 'present'
    ELSE known.presence_before = 'present' AND staged.announced <> '' AND staged.announced = known.announced_before
        AND staged.key <> ALL(CAST(:again AS text[]))
END
""")

_COUNTER = text("""
SELECT next_number, open_partition, open_arrivals, open_bytes FROM collections WHERE collection = :collection FOR UPDATE
""")

_INSERT = text("""
WITH ranked AS MATERIALIZED (
    SELECT s.*, row_number() OVER (ORDER BY ord) - 1 AS rank FROM staged s
), added AS (
    INSERT INTO arrivals (collection, number, partition, document_id, source, key, uri, presence, announced, size_bytes,
                          state, due_at, recorded_at, changed_at, traceparent)
    SELECT :collection, :first + rank, :partition + width_bucket(rank, CAST(:firsts AS bigint[])) - 1,
           document_id, :source, key, uri, presence, announced, size_bytes, 'pending', :now, :now, :now,
           traceparent
    FROM ranked ORDER BY rank
)
INSERT INTO observations AS o
    (collection, source, key, document_id, uri, presence, announced, number, recorded_at)
SELECT DISTINCT ON (key) :collection, :source, key, document_id, uri, presence, announced, :first + rank, :now
FROM ranked ORDER BY key, rank DESC
ON CONFLICT (collection, source, key) DO UPDATE SET document_id = excluded.document_id, uri = excluded.uri,
    presence = excluded.presence, announced = excluded.announced, number = excluded.number,
    recorded_at = excluded.recorded_at
""")

_BLOCKS = text("""
INSERT INTO blocks AS b (collection, partition, first_number, arrivals, bytes, is_full, opened_at)
VALUES (:collection, :partition, :first_number, :added, :added_bytes, :is_full, :now)
ON CONFLICT (collection, partition) DO UPDATE
SET arrivals = b.arrivals + excluded.arrivals, bytes = b.bytes + excluded.bytes, is_full = excluded.is_full
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counter:
    next_number: int
    opened: Fill


def open_staging(connection: Connection) -> None:
    """Make the session's empty staging table ready."""
    connection.execute(_STAGE)


def stage(connection: Connection, collection: str, observations: Iterable[Observation]) -> int:
    """Copy observations into the staging table; return how many. Raises ``InvalidRequest`` for one that cannot be."""
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    staged = 0
    with raw.cursor() as cursor, cursor.copy(_COPY) as copy:
        for staged, seen in enumerate(observations, start=1):
            _check(seen)
            copy.write_row(
                (
                    staged,
                    document_id(collection, seen.uri),
                    seen.key,
                    seen.uri,
                    seen.presence.value,
                    seen.announced,
                    seen.size_bytes,
                    seen.traceparent or None,
                )
            )
    return staged


def number_staged(
    connection: Connection,
    collection: str,
    source: str,
    *,
    staged: int,
    limits: PartitionLimits,
    older_than: int | None = None,
    again: Sequence[str] = (),
) -> Recorded:
    """Number what of the staging table is new; ``older_than`` drops keys observed in that number or later.

    Present objects of the keys ``again`` are new whatever they announce: each must be staged once.
    """
    if staged == 0:
        return Recorded(new=0, same=0)
    same = {"collection": collection, "source": source, "older_than": older_than, "again": list(again)}
    seen_number = connection.execute(
        text("SELECT next_number FROM collections WHERE collection = :collection"), {"collection": collection}
    ).scalar_one_or_none()
    new = staged - connection.execute(_DROP_SAME, same).rowcount
    if new == 0:
        return Recorded(new=0, same=staged)
    counter = _lock_counter(connection, collection)
    if counter.next_number != seen_number:
        new -= connection.execute(_DROP_SAME, same).rowcount
    if new == 0:
        return Recorded(new=0, same=staged)
    fills = _insert(connection, collection, source, counter, limits)
    notify_due(connection, collection)
    return Recorded(
        new=new,
        same=staged - new,
        partitions=tuple(fill.partition for fill in fills),
        first_number=counter.next_number,
        last_number=counter.next_number + new - 1,
    )


def _check(seen: Observation) -> None:
    words = (seen.key, seen.uri, seen.announced)
    try:
        length = len(seen.key.encode())
        storable = not any("\0" in word for word in words) and bool("".join(words).encode())
    except UnicodeEncodeError:
        length, storable = 0, False
    if not storable or length > MAX_KEY_BYTES or seen.size_bytes < 0:
        raise InvalidRequest(
            f"The object {seen.key[:200]!r} cannot be recorded.",
            remedy=f"Keys are valid UTF-8 without NUL, of at most {MAX_KEY_BYTES} bytes; sizes are not negative.",
        )


def _lock_counter(connection: Connection, collection: str) -> _Counter:
    parameters = {"collection": collection}
    row = connection.execute(_COUNTER, parameters).one_or_none()
    if row is None:
        connection.execute(
            text("INSERT INTO collections (collection) VALUES (:collection) ON CONFLICT DO NOTHING"), parameters
        )
        row = connection.execute(_COUNTER, parameters).one()
    opened = Fill(partition=row.open_partition, arrivals=row.open_arrivals, bytes=row.open_bytes, first=0)
    return _Counter(next_number=row.next_number, opened=opened)


def _insert(
    connection: Connection, collection: str, source: str, counter: _Counter, limits: PartitionLimits
) -> list[Fill]:
    now = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    sizes = connection.execute(text("SELECT size_bytes FROM staged ORDER BY ord")).scalars()
    fills = fill_blocks(counter.opened, sizes, limits)
    connection.execute(
        _INSERT,
        {
            "collection": collection,
            "source": source,
            "first": counter.next_number,
            "partition": fills[0].partition,
            "firsts": [fill.first for fill in fills],
            "now": now,
        },
    )
    if fills[0].partition > counter.opened.partition:
        connection.execute(
            text("UPDATE blocks SET is_full = true WHERE collection = :collection AND partition = :partition"),
            {"collection": collection, "partition": counter.opened.partition},
        )
    last = fills[-1]
    connection.execute(
        _BLOCKS,
        [
            {
                "collection": collection,
                "partition": fill.partition,
                "first_number": counter.next_number + fill.first,
                "added": fill.added,
                "added_bytes": fill.added_bytes,
                "is_full": fill is not last or fill.is_full(limits),
                "now": now,
            }
            for fill in fills
        ],
    )
    connection.execute(
        text("""
        UPDATE collections SET next_number = next_number + :new, open_partition = :partition,
            open_arrivals = :arrivals, open_bytes = :bytes WHERE collection = :collection
        """),
        {
            "collection": collection,
            "new": sum(fill.added for fill in fills),
            "partition": last.partition,
            "arrivals": last.arrivals,
            "bytes": last.bytes,
        },
    )
    return fills
