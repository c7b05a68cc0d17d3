"""What a run leaves behind: arrivals in processing, and writes that it did not close.

A lapsed lease does not mean that the run is gone: the database may have been away for longer. The claim stays the
run's until whoever runs the runs knows it dead, or until it was seen lapsed for ``LAPSED_GRACE_S``; only then are its
arrivals due again, each with one crash more. That is safe even if the run was only slow, because documents are written
under a lock. Its open writes are another matter: a slow run could still write to the index, so they are orphaned only
once the run is known dead; then nothing can write after the reconciliation that heals them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from rag_core.errors import QuarantineKind
from resources.clients.catalog.database import Database, notify_due
from resources.clients.catalog.failures import TRANSIENT, FailureEvent, remember_failures, storable
from resources.clients.catalog.values import LAPSED_GRACE_S, SUSPECT_CRASHES, Claim

_REMEDY = "Look at the file; to try again after a change: rag retry."
_DIED = f"Processing it alone ended its process, after {SUSPECT_CRASHES} runs had died or failed with it."
_FAILED = f"Processing it alone failed its run, after {SUSPECT_CRASHES} runs had died or failed with it: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """Claims that expired, and what became of the arrivals that were in processing."""

    runs: int
    due_again: int
    crashed: int


def return_left_behind(connection: Connection, claim: Claim, *, failure: str = "") -> int:
    """Make everything in the block due again that is in processing, for a run that now holds the claim (or ends it).

    Returns how many this very run had left.

    What an earlier holder left is a crash of each; what this very run left (a step retry, its end) is none, unless it
    ends with a ``failure``.
    """
    left = connection.execute(_LEFT_IN_BLOCK, {"collection": claim.collection, "partition": claim.partition}).all()
    own = [row for row in left if row.run_id == claim.run_id]
    others = [row for row in left if row.run_id != claim.run_id]
    _return(connection, claim.collection, others, reason=_DIED, is_crash=True)
    if failure:
        _return(connection, claim.collection, own, reason=_FAILED + failure, is_crash=True)
    else:
        _return(connection, claim.collection, own, reason="", is_crash=False)
    return len(own)


def return_expired(database: Database, is_dead: Callable[[str], bool]) -> Expired:
    """End lapsed claims of runs known dead, or seen lapsed for long, and make due again what they were processing."""
    with database.transaction() as connection:
        lapsed = connection.execute(_MARK_LAPSED).all()
        names = connection.execute(text("SELECT collection FROM collections ORDER BY collection")).scalars().all()
    dead = [run_id for run_id in sorted({row.run_id for row in lapsed}) if is_dead(run_id)]
    runs = 0
    if lapsed:
        with database.transaction() as connection:
            runs = connection.execute(_EXPIRE, {"dead": dead, "grace_s": LAPSED_GRACE_S}).rowcount
    due_again = crashed = 0
    for collection in names:
        with database.transaction() as connection:
            left = connection.execute(LEFT_BEHIND, {"collection": collection}).all()
            states = _return(connection, collection, left, reason=_DIED, is_crash=True)
            if states:
                notify_due(connection, collection)
        due_again += states.count("pending")
        crashed += states.count("quarantined")
    return Expired(runs=runs, due_again=due_again, crashed=crashed)


def return_orphans(database: Database, is_dead: Callable[[str], bool]) -> int:
    """Make documents due for reconciliation whose write was left open by a run that is known dead."""
    with database.transaction() as connection:
        suspects = connection.execute(OPEN_WRITERS).scalars().all()
    orphans = 0
    for run_id in [run_id for run_id in suspects if is_dead(run_id)]:
        with database.transaction() as connection:
            rows = connection.execute(_ORPHAN, {"run_id": run_id}).all()
            documents = sorted({row.document_id for row in rows})
            if documents:
                connection.execute(RECONCILE, {"documents": documents})
            for collection in sorted({row.collection for row in rows}):
                notify_due(connection, collection)
        orphans += len(rows)
    return orphans


def _return(connection: Connection, collection: str, left: Sequence[Any], *, reason: str, is_crash: bool) -> list[str]:
    """Make arrivals due again that are still in processing for the run and claim they were seen with."""
    if not left:
        return []
    rows = connection.execute(
        RETURN,
        {
            "collection": collection,
            "numbers": [row.number for row in left],
            "runs": [row.run_id for row in left],
            "claims": [row.claim for row in left],
            "is_crash": is_crash,
            "kind": QuarantineKind.CRASHED.value,
            "reason": storable(reason),
            "remedy": _REMEDY,
            "suspect": SUSPECT_CRASHES,
        },
    ).all()
    if is_crash:
        remember_failures(
            connection,
            collection,
            (
                FailureEvent(
                    document_id=row.document_id,
                    arrival=row.number,
                    run_id=row.run_id,
                    kind=QuarantineKind.CRASHED.value if row.state == "quarantined" else TRANSIENT,
                    reason=reason if row.state == "quarantined" else "Its run died or failed while it was processed.",
                    remedy=_REMEDY if row.state == "quarantined" else "",
                )
                for row in rows
            ),
        )
    return [row.state for row in rows]


DUE_AGAIN = text("""
SELECT pg_notify('rag_due', :collection) WHERE EXISTS (
    SELECT 1 FROM arrivals WHERE collection = :collection AND partition = :partition AND due_at <= now())
""")

_MARK_LAPSED = text("""
UPDATE claims c SET lapsed_at = coalesce(c.lapsed_at, now()) FROM (
    SELECT collection, partition FROM claims WHERE state = 'running' AND lease_until <= now()
    ORDER BY collection, partition FOR UPDATE SKIP LOCKED
) lapsed
WHERE c.collection = lapsed.collection AND c.partition = lapsed.partition
RETURNING c.run_id
""")

_EXPIRE = text("""
UPDATE claims c SET state = 'released', lapsed_at = NULL FROM (
    SELECT collection, partition FROM claims
    WHERE state = 'running' AND lease_until <= now() AND (
        run_id = ANY(CAST(:dead AS text[])) OR lapsed_at <= now() - make_interval(secs => :grace_s))
    ORDER BY collection, partition FOR UPDATE SKIP LOCKED
) expired
WHERE c.collection = expired.collection AND c.partition = expired.partition
""")

_LEFT_IN_BLOCK = text("""
SELECT number, run_id, claim FROM arrivals
WHERE collection = :collection AND state = 'processing' AND partition = :partition
""")

LEFT_BEHIND = text("""
SELECT p.number, p.run_id, p.claim FROM arrivals p
WHERE p.collection = :collection AND p.state = 'processing' AND NOT EXISTS (
    SELECT 1 FROM claims c
    WHERE c.collection = :collection AND c.partition = p.partition AND c.number = p.claim AND c.run_id = p.run_id
        AND c.state = 'running')
""")

# Run and claim are compared again under the lock: between the look and this, an heir may have begun the same arrival.
# A crash while it was alone quarantines, with the reconciliation that narrowed rights and removal need; should that
# fail its runs too, it comes back later each time.
RETURN = text("""
UPDATE arrivals a SET
    state = CASE WHEN kills THEN 'quarantined' ELSE 'pending' END,
    due_at = CASE WHEN kills AND a.crashes > :suspect
        THEN now() + make_interval(secs => least(3600, 30 * 2 ^ least(a.crashes - :suspect, 10)))
        ELSE now() END,
    reconcile = a.reconcile OR kills,
    reason_kind = CASE WHEN kills THEN :kind ELSE a.reason_kind END,
    reason = CASE WHEN kills THEN :reason ELSE a.reason END,
    remedy = CASE WHEN kills THEN :remedy ELSE a.remedy END,
    crashes = a.crashes + CASE WHEN :is_crash THEN 1 ELSE 0 END,
    alone = false, before = NULL, changed_at = now()
FROM (
    SELECT p.number, CAST(:is_crash AS boolean) AND p.alone AS kills
    FROM unnest(CAST(:numbers AS bigint[]), CAST(:runs AS text[]), CAST(:claims AS bigint[]))
        AS seen (number, run_id, claim)
    JOIN arrivals p ON p.collection = :collection AND p.number = seen.number AND p.state = 'processing'
        AND p.run_id = seen.run_id AND p.claim = seen.claim
    ORDER BY p.number FOR UPDATE OF p
) left_behind
WHERE a.collection = :collection AND a.number = left_behind.number
RETURNING a.number, a.document_id, a.run_id, a.state
""")

OPEN_WRITERS = text("""
SELECT DISTINCT run_id FROM intents i WHERE orphaned_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM claims c WHERE c.run_id = i.run_id AND c.state = 'running' AND c.lease_until > now())
ORDER BY run_id
""")

_ORPHAN = text("""
UPDATE intents i SET orphaned_at = clock_timestamp() FROM (
    SELECT id FROM intents WHERE run_id = :run_id AND orphaned_at IS NULL ORDER BY id FOR UPDATE SKIP LOCKED
) open
WHERE i.id = open.id
RETURNING i.collection, i.document_id
""")

# The document's newest arrival reconciles it: an older one would find something newer known and stop. One that is in
# processing keeps the mark, and is due again when it settles without having seen this orphan under the lock.
RECONCILE = text("""
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
