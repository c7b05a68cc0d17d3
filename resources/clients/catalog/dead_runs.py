"""What a run leaves behind: arrivals in processing, and writes that it did not close.

An expired lease means that the run is gone: its arrivals are due again, each with one crash more. That is safe even if
the run was only slow, because documents are written under a lock. Its open writes are another matter: a slow run could
still write to the index, so they are orphaned only once the run is known dead; then nothing can write after the
reconciliation that heals them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from rag_core.errors import QuarantineKind
from resources.clients.catalog.database import Database, notify_due
from resources.clients.catalog.values import SUSPECT_CRASHES, Claim

_CRASHED = {
    "crashed_kind": QuarantineKind.CRASHED.value,
    "crashed": f"Processing it alone ended its process, after {SUSPECT_CRASHES} runs had died with it.",
    "crashed_remedy": "Look at the file; to try again after a change: rag retry.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """Claims that expired, and what became of the arrivals that were in processing."""

    runs: int
    due_again: int
    crashed: int


def return_left_behind(connection: Connection, claim: Claim) -> None:
    """Make everything in the block due again that is in processing, for a run that now holds the claim (or ends it).

    What this very run left (a step retry) is no crash; what an earlier holder left is.
    """
    connection.execute(
        _RETURN_BLOCK,
        {
            "collection": claim.collection,
            "partition": claim.partition,
            "run_id": claim.run_id,
            **_CRASHED,
        },
    )


def return_expired(database: Database) -> Expired:
    """End claims whose lease has run out and make due again what no live claim is processing."""
    with database.transaction() as connection:
        runs = connection.execute(_EXPIRE).rowcount
    due_again = crashed = 0
    with database.transaction() as connection:
        names = connection.execute(text("SELECT collection FROM collections ORDER BY collection")).scalars().all()
    for collection in names:
        with database.transaction() as connection:
            states = connection.execute(RETURN_EXPIRED, {"collection": collection, **_CRASHED}).scalars().all()
            if states:
                notify_due(connection, collection)
        due_again += states.count("pending")
        crashed += states.count("quarantined")
    return Expired(runs=runs, due_again=due_again, crashed=crashed)


def return_orphans(database: Database, is_dead: Callable[[str], bool]) -> int:
    """Make documents due for reconciliation whose write was left open by a run that is known dead."""
    with database.transaction() as connection:
        suspects = connection.execute(_OPEN_WRITERS).scalars().all()
    orphans = 0
    for run_id in [run_id for run_id in suspects if is_dead(run_id)]:
        with database.transaction() as connection:
            rows = connection.execute(_ORPHAN, {"run_id": run_id}).all()
            documents = sorted({row.document_id for row in rows})
            if documents:
                connection.execute(_RECONCILE, {"documents": documents})
            for collection in sorted({row.collection for row in rows}):
                notify_due(connection, collection)
        orphans += len(rows)
    return orphans


DUE_AGAIN = text("""
SELECT pg_notify('rag_due', :collection) WHERE EXISTS (
    SELECT 1 FROM arrivals WHERE collection = :collection AND partition = :partition AND due_at <= now())
""")

_RETURN_BLOCK = text("""
UPDATE arrivals a SET
    state = CASE WHEN left_behind.kills THEN 'quarantined' ELSE 'pending' END,
    due_at = CASE WHEN left_behind.kills THEN NULL ELSE now() END,
    reason_kind = CASE WHEN left_behind.kills THEN :crashed_kind ELSE a.reason_kind END,
    reason = CASE WHEN left_behind.kills THEN :crashed ELSE a.reason END,
    remedy = CASE WHEN left_behind.kills THEN :crashed_remedy ELSE a.remedy END,
    crashes = a.crashes + CASE WHEN left_behind.is_crash THEN 1 ELSE 0 END,
    alone = false, changed_at = now()
FROM (
    SELECT p.number, p.run_id <> :run_id AS is_crash, p.run_id <> :run_id AND p.alone AS kills
    FROM arrivals p
    WHERE p.collection = :collection AND p.state = 'processing' AND p.partition = :partition
    ORDER BY p.number FOR UPDATE
) left_behind
WHERE a.collection = :collection AND a.number = left_behind.number
""")

_EXPIRE = text("UPDATE claims SET state = 'released' WHERE state = 'running' AND lease_until <= now()")

RETURN_EXPIRED = text("""
UPDATE arrivals a SET
    state = CASE WHEN a.alone THEN 'quarantined' ELSE 'pending' END,
    due_at = CASE WHEN a.alone THEN NULL ELSE now() END,
    reason_kind = CASE WHEN a.alone THEN :crashed_kind ELSE a.reason_kind END,
    reason = CASE WHEN a.alone THEN :crashed ELSE a.reason END,
    remedy = CASE WHEN a.alone THEN :crashed_remedy ELSE a.remedy END,
    crashes = a.crashes + 1, alone = false, changed_at = now()
FROM (
    SELECT p.number FROM arrivals p
    WHERE p.collection = :collection AND p.state = 'processing' AND NOT EXISTS (
        SELECT 1 FROM claims c
        WHERE c.collection = :collection AND c.partition = p.partition AND c.number = p.claim AND c.run_id = p.run_id
            AND c.state = 'running' AND c.lease_until > now())
    ORDER BY p.number FOR UPDATE
) left_behind
WHERE a.collection = :collection AND a.number = left_behind.number
RETURNING a.state
""")

_OPEN_WRITERS = text("""
SELECT DISTINCT run_id FROM intents i WHERE orphaned_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM claims c WHERE c.run_id = i.run_id AND c.state = 'running' AND c.lease_until > now())
ORDER BY run_id
""")

_ORPHAN = text("""
UPDATE intents SET orphaned_at = clock_timestamp() WHERE run_id = :run_id AND orphaned_at IS NULL
RETURNING collection, document_id
""")

# The document's newest arrival reconciles it: an older one would find something newer known and stop. One that is in
# processing keeps the mark, and is due again when it settles without having seen this orphan under the lock.
_RECONCILE = text("""
UPDATE arrivals a SET reconcile = true,
    due_at = CASE WHEN a.state = 'processing' THEN NULL ELSE coalesce(a.due_at, now()) END
FROM (
    SELECT p.collection, p.number FROM unnest(CAST(:documents AS uuid[])) AS d (id)
    JOIN arrivals p ON p.document_id = d.id
        AND p.number = (SELECT max(n.number) FROM arrivals n WHERE n.document_id = d.id)
    ORDER BY p.collection, p.number FOR UPDATE OF p
) newest
WHERE a.collection = newest.collection AND a.number = newest.number
""")
