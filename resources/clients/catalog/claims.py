"""Claims: the right to work on a block, counted when taken, kept by a lease."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from resources.clients.catalog.database import Database
from resources.clients.catalog.dead_runs import DUE_AGAIN, return_expired, return_left_behind, return_orphans
from resources.clients.catalog.values import LAPSED_GRACE_S, BusyBlock, Claim, DeadRuns, HeldBy, Lane

_SMALL = 16
"""A block with so little due work counts as small: it goes first."""

_AGED_S = 900
"""After so long, waiting counts more than being small."""


class Claims:
    """Runs are requested for blocks that have due work and no live claim; a run renews its lease.

    A lapsed lease alone ends nothing: the run's claim ends when its run is known dead, or some minutes after it was
    first seen lapsed. Until then the run may renew and go on.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def request(self, collection: str, *, limit: int, launch_grace_s: float, lane: Lane = Lane.BATCH) -> list[Claim]:
        """Take the claims of up to ``limit`` blocks with due work; each is to be launched within ``launch_grace_s``.

        Blocks with little due work come first, then the longest waiting; after 15 minutes of waiting all are equal.
        """
        parameters = {**due_blocks(collection, lane), "limit": limit, "grace_s": launch_grace_s}
        with self._database.transaction() as connection:
            rows = connection.execute(REQUEST, parameters).all()
            due = {row.partition: row.due for row in rows}
        claims = [
            Claim(collection=collection, partition=row.partition, number=row.number, lane=lane, due=due[row.partition])
            for row in rows
        ]
        return sorted(claims, key=lambda claim: (claim.due > _SMALL, claim.partition))

    def requested(self, collection: str) -> int:
        """Return how many claims wait for their run to begin; lapsed ones do not count."""
        with self._database.transaction() as connection:
            return connection.execute(_REQUESTED, {"collection": collection}).scalar_one()

    def waiting_behind(self, collection: str) -> list[BusyBlock]:
        """Return the blocks in which due arrivals wait for the run that works there, the longest at work first."""
        with self._database.transaction() as connection:
            rows = connection.execute(_WAITING_BEHIND, {"collection": collection}).all()
        return [
            BusyBlock(partition=row.partition, run_id=row.run_id, since=row.taken_at, waiting=row.waiting)
            for row in rows
        ]

    def start(self, collection: str, partition: int, number: int, *, run_id: str, lease_s: float) -> Claim | None:
        """Start a requested claim's run; None when the claim has moved on: end quietly.

        A run that starts again (a step retry) gets its claim back; what it left in processing is due again.
        """
        parameters = {
            "collection": collection,
            "partition": partition,
            "number": number,
            "run_id": run_id,
            "lease_s": lease_s,
        }
        with self._database.transaction() as connection:
            row = connection.execute(_START, parameters).one_or_none()
            if row is None:
                return None
            claim = _claim(row)
            return_left_behind(connection, claim)
        return claim

    def withdraw(self, claim: Claim) -> None:
        """Give a requested claim back whose run was never launched. No-op when a run has started with it."""
        with self._database.transaction() as connection:
            connection.execute(_WITHDRAW, _owned(claim))

    def take(self, collection: str, partition: int, *, run_id: str, lease_s: float) -> Claim | HeldBy:
        """Take a block for a run nobody requested (a backfill); a requested but unstarted claim is taken over."""
        parameters = {
            "collection": collection,
            "partition": partition,
            "run_id": run_id,
            "lease_s": lease_s,
            "lapsed_s": LAPSED_GRACE_S,
        }
        with self._database.transaction() as connection:
            row = connection.execute(_TAKE, parameters).one_or_none()
            if row is not None:
                claim = _claim(row)
                return_left_behind(connection, claim)
                return claim
            held = connection.execute(_HELD, parameters).one()
        return HeldBy(run_id=held.run_id, until=held.lease_until)

    def renew(self, claim: Claim, *, lease_s: float) -> bool:
        """Extend the lease; False when the block is not this run's any more: stop."""
        with self._database.transaction() as connection:
            return connection.execute(_RENEW, {**_owned(claim), "lease_s": lease_s}).rowcount == 1

    def release(self, claim: Claim) -> None:
        """End a claim; what its run left in processing is due again. No-op when it has moved on."""
        with self._database.transaction() as connection:
            if connection.execute(_RELEASE, _owned(claim)).rowcount == 1:
                return_left_behind(connection, claim)
                connection.execute(DUE_AGAIN, {"collection": claim.collection, "partition": claim.partition})

    def fail(self, claim: Claim, failure: str, *, wait_s: float) -> None:
        """End a claim after an error that nobody foresaw; no-op when it has moved on.

        Each arrival that is left in processing counts a crash: it may be the cause. One that was processed alone is
        quarantined as crashed, and says it. Where none is left, no document can be the cause: the claim is kept for
        ``wait_s``, or runs would fail one after the other without an end.
        """
        with self._database.transaction() as connection:
            if connection.execute(_RENEW, {**_owned(claim), "lease_s": wait_s}).rowcount != 1:
                return
            if return_left_behind(connection, claim, failure=failure):
                connection.execute(_RELEASE, _owned(claim))
                connection.execute(DUE_AGAIN, {"collection": claim.collection, "partition": claim.partition})

    def sweep_dead(self, is_dead: Callable[[str], bool]) -> DeadRuns:
        """Make the work of runs that are gone due again, and the open writes of runs known dead.

        Gone: its lease has run out and it is known dead, or was first seen lapsed ``LAPSED_GRACE_S`` ago.
        ``is_dead(run_id)`` asks whoever runs the runs; it is called outside of any transaction, and must say True
        only when the run's process can write no more (a finished run too).
        """
        expired = return_expired(self._database, is_dead)
        orphans = return_orphans(self._database, is_dead)
        return DeadRuns(runs=expired.runs, due_again=expired.due_again, crashed=expired.crashed, orphans=orphans)


def due_blocks(collection: str, lane: Lane) -> dict[str, Any]:
    """Return the parameters of ``REQUEST`` and ``HAS_WORK`` but the limit."""
    return {
        "collection": collection,
        "small": _SMALL,
        "only_small": lane is Lane.FRESH,
        "lane": lane.value,
        "aged_s": _AGED_S,
        "lapsed_s": LAPSED_GRACE_S,
    }


def _owned(claim: Claim) -> dict[str, Any]:
    return {
        "collection": claim.collection,
        "partition": claim.partition,
        "number": claim.number,
        "run_id": claim.run_id,
    }


def _claim(row: Any) -> Claim:
    return Claim(
        collection=row.collection,
        partition=row.partition,
        number=row.number,
        lane=Lane(row.lane),
        run_id=row.run_id,
    )


# A claim that may be taken: ended, requested and never started, or its run silent for long.
_IS_FREE = """(c.state = 'released' OR c.state = 'requested' AND c.lease_until <= now()
    OR c.state = 'running' AND c.lease_until <= now() AND c.lapsed_at <= now() - make_interval(secs => :lapsed_s))"""

# Above whatever was counted before the catalog was restored from a backup: Dagster may remember those run keys.
FIRST_CLAIM = "coalesce((SELECT first_claim FROM collections WHERE collection = :collection), 0)"

# The index arrivals_due is walked from block to block: one probe for each block with any due_at, whose first entry is
# the earliest. That is why a million settled arrivals cost nothing here.
_DUE = f"""
WITH RECURSIVE walk AS (
    (SELECT partition, due_at FROM arrivals
     WHERE collection = :collection AND due_at IS NOT NULL ORDER BY partition, due_at LIMIT 1)
    UNION ALL
    SELECT next.partition, next.due_at FROM walk, LATERAL (
        SELECT partition, due_at FROM arrivals
        WHERE collection = :collection AND partition > walk.partition AND due_at IS NOT NULL
        ORDER BY partition, due_at LIMIT 1) next
), due AS (
    SELECT walk.partition, walk.due_at AS since, counted.due
    FROM walk
    LEFT JOIN claims c ON c.collection = :collection AND c.partition = walk.partition,
    LATERAL (SELECT count(*) AS due FROM (
        SELECT 1 FROM arrivals
        WHERE collection = :collection AND partition = walk.partition AND due_at <= now() LIMIT :small + 1) few) counted
    WHERE walk.due_at <= now() AND (c.partition IS NULL OR {_IS_FREE})
        AND (NOT CAST(:only_small AS boolean) OR counted.due <= :small)
)
"""  # noqa: S608 - constants of this module

REQUEST = text(
    f"""{_DUE}, free AS (
    SELECT partition FROM claims c
    WHERE collection = :collection AND partition IN (SELECT partition FROM due) AND {_IS_FREE}
    ORDER BY partition FOR UPDATE SKIP LOCKED
), chosen AS (
    SELECT due.partition, due.due FROM due
    WHERE partition IN (SELECT partition FROM free)
        OR NOT EXISTS (SELECT 1 FROM claims c WHERE c.collection = :collection AND c.partition = due.partition)
    ORDER BY (due.due <= :small OR due.since < now() - make_interval(secs => :aged_s)) DESC, due.since, due.partition
    LIMIT :limit
), taken AS (
    INSERT INTO claims AS c (collection, partition, number, state, lane, run_id, lease_until, taken_at)
    SELECT :collection, partition, {FIRST_CLAIM}, 'requested', :lane, '', now() + make_interval(secs => :grace_s), now()
    FROM chosen ORDER BY partition
    ON CONFLICT (collection, partition) DO UPDATE SET number = c.number + 1, state = 'requested', lane = excluded.lane,
        run_id = '', lease_until = excluded.lease_until, lapsed_at = NULL, taken_at = excluded.taken_at
    WHERE {_IS_FREE}
    RETURNING c.partition, c.number
)
SELECT taken.partition, taken.number, chosen.due FROM taken JOIN chosen USING (partition)
"""  # noqa: S608 - constants of this module
)

HAS_WORK = text(_DUE + "SELECT EXISTS (SELECT 1 FROM due)")  # noqa: S608 - constants of this module

_WAITING_BEHIND = text("""
SELECT c.partition, c.run_id, c.taken_at, count(*) AS waiting
FROM claims c JOIN arrivals a ON a.collection = c.collection AND a.partition = c.partition AND a.due_at <= now()
WHERE c.collection = :collection AND c.state = 'running'
GROUP BY c.partition, c.run_id, c.taken_at ORDER BY c.taken_at LIMIT 5
""")

_REQUESTED = text("""
SELECT count(*) FROM claims WHERE collection = :collection AND state = 'requested' AND lease_until > now()
""")

_START = text("""
UPDATE claims SET state = 'running', run_id = :run_id, lapsed_at = NULL,
    lease_until = now() + make_interval(secs => :lease_s)
WHERE collection = :collection AND partition = :partition AND number = :number
    AND (state IN ('requested', 'released') OR run_id = :run_id)
RETURNING collection, partition, number, lane, run_id
""")

_WITHDRAW = text("""
UPDATE claims SET state = 'released', lease_until = now()
WHERE collection = :collection AND partition = :partition AND number = :number AND state = 'requested'
""")

_TAKE = text(f"""
INSERT INTO claims AS c (collection, partition, number, state, lane, run_id, lease_until, taken_at)
VALUES (:collection, :partition, {FIRST_CLAIM}, 'running', 'backfill', :run_id,
        now() + make_interval(secs => :lease_s), now())
ON CONFLICT (collection, partition) DO UPDATE SET
    number = c.number + CASE WHEN c.state = 'running' AND c.run_id = excluded.run_id THEN 0 ELSE 1 END,
    state = 'running', lane = 'backfill', run_id = excluded.run_id, lease_until = excluded.lease_until,
    lapsed_at = NULL, taken_at = now()
WHERE c.state = 'requested' OR c.run_id = excluded.run_id OR {_IS_FREE}
RETURNING collection, partition, number, lane, run_id
""")  # noqa: S608 - constants of this module

# Whoever waits for a block also starts the clock of a run that has gone silent: no sensor may be looking.
_HELD = text("""
UPDATE claims SET lapsed_at = CASE WHEN lease_until <= now() THEN coalesce(lapsed_at, now()) END
WHERE collection = :collection AND partition = :partition
RETURNING run_id, lease_until
""")

_RENEW = text("""
UPDATE claims SET lease_until = now() + make_interval(secs => :lease_s), lapsed_at = NULL
WHERE collection = :collection AND partition = :partition AND number = :number AND run_id = :run_id
    AND state = 'running'
""")

_RELEASE = text("""
UPDATE claims SET state = 'released', lease_until = now(), lapsed_at = NULL
WHERE collection = :collection AND partition = :partition AND number = :number AND run_id = :run_id
    AND state = 'running'
""")
