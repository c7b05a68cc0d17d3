"""The outcome rows of documents that were written under their locks: one statement a table, whatever the number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from rag_core.errors import DocumentRejected
from resources.clients.catalog.failures import FailureEvent, remember_failures, storable
from resources.clients.catalog.locking import lock_arrivals
from resources.clients.catalog.owning import owned
from resources.clients.catalog.tallies import count_outcomes
from resources.clients.catalog.unsettled import FIRST_STAY_S, LONGEST_STAY_S, grown_stays
from resources.clients.catalog.values import Claim, ClaimLost, HeadState, Outcome

_TAKES_PLACE = frozenset({"indexed", "unchanged", "deleted", "quarantined"})
_ONLY_OURS = frozenset({"pending", "quarantined"})
"""What a run may say of an arrival only while it is its own: written text is a fact, a failure is an opinion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """One document's outcome; ``state`` is its arrival's new state."""

    head: HeadState
    state: str
    outcome: Outcome | None
    rejected: DocumentRejected | None
    tried_spec: str
    removed: bool
    delay_s: float | None


def write_outcomes(
    connection: Connection,
    claim: Claim,
    index_name: str,
    settled: Sequence[Settled],
    orphans: Mapping[UUID, Sequence[int]],
    opened: Sequence[int],
) -> None:
    """Write what became of each document and close its intents, the run's own and the orphans seen under the lock.

    Raises ``ClaimLost`` when one that failed or stays due is not this claim's any more.
    """
    common = {**owned(claim), "index_name": index_name}
    in_index = [each for each in settled if each.outcome is not None]
    out_of_index = [each for each in settled if each.state == "deleted" or each.removed]
    if in_index:
        connection.execute(_INDEXED, [{**common, **_index_row(each)} for each in in_index])
    if out_of_index:
        ids = [each.head.document_id for each in out_of_index]
        connection.execute(_OUT_OF_INDEX, {**common, "ids": ids})
    placed = [each for each in settled if each.state in _TAKES_PLACE]
    if placed:
        connection.execute(
            _PLACE,
            {
                "ids": [each.head.document_id for each in placed],
                "places": [each.head.arrival for each in placed],
                "tombstones": [each.state == "deleted" for each in placed],
            },
        )
    healing = [each for each in settled if each.state in _TAKES_PLACE]
    connection.execute(
        _CLOSE,
        {
            **common,
            "opened": list(opened),
            "orphans": [orphan for each in healing for orphan in orphans[each.head.document_id]],
        },
    )
    numbers = sorted(each.head.arrival for each in settled)
    held = lock_arrivals(connection, claim.collection, numbers)
    for each in settled:
        row = held.get(each.head.arrival)
        if each.state in _ONLY_OURS and (
            row is None or (row.state, row.run_id, row.claim) != ("processing", claim.run_id, claim.number)
        ):
            raise ClaimLost(f"Arrival {each.head.arrival} of {claim.collection} is not this run's any more.")
    connection.execute(SETTLE, [{**common, **_arrival_row(each)} for each in settled])
    remember_failures(connection, claim.collection, (_event(claim, each) for each in settled if each.rejected))
    if held:
        first = [held[each.head.arrival] for each in settled if _is_searchable_now(each, held.get(each.head.arrival))]
        now = max(row.now for row in held.values())
        count_outcomes(connection, claim, (each.state for each in settled), (row.recorded_at for row in first), now)


def _is_searchable_now(settled: Settled, row: Any) -> bool:
    """Say whether an arrival's text became searchable with this outcome, and had not been before.

    Another index, a new spec and a reconciliation write what was searchable already; its age says nothing then.
    """
    confirmed = settled.head.confirmed_arrival
    was_there = row is None or row.read_version != "" or (confirmed is not None and confirmed >= settled.head.arrival)
    return settled.state == "indexed" and not was_there


def _event(claim: Claim, settled: Settled) -> FailureEvent:
    rejected = settled.rejected
    return FailureEvent(
        document_id=settled.head.document_id,
        arrival=settled.head.arrival,
        run_id=claim.run_id,
        kind="" if rejected is None else rejected.kind.value,
        reason="" if rejected is None else rejected.message,
        remedy="" if rejected is None else rejected.remedy,
    )


def _index_row(settled: Settled) -> dict[str, Any]:
    outcome = settled.outcome
    if outcome is None:
        return {}
    return {
        "document_id": settled.head.document_id,
        "arrival": settled.head.arrival,
        "confirmed_only": settled.state == "unchanged",
        "version": outcome.version,
        "version_id": outcome.version_id,
        "title": outcome.title,
        "media_type": outcome.media_type,
        "parser": outcome.parser,
        "chunking": outcome.chunking,
        "metadata_rules": outcome.metadata_rules,
        "code_version": outcome.code_version,
        "chunks": outcome.chunks,
        "size_bytes": outcome.size_bytes,
    }


def _arrival_row(settled: Settled) -> dict[str, Any]:
    rejected, outcome = settled.rejected, settled.outcome
    return {
        "number": settled.head.arrival,
        "document_id": settled.head.document_id,
        "state": settled.state,
        "delay_s": settled.delay_s,
        "kind": "" if rejected is None else rejected.kind.value,
        "reason": "" if rejected is None else storable(rejected.message),
        "remedy": "" if rejected is None else storable(rejected.remedy),
        "first_s": FIRST_STAY_S,
        "longest_s": LONGEST_STAY_S,
        "tried_spec": settled.tried_spec,
        "read_version": "" if outcome is None else outcome.version,
        "read_version_id": None if outcome is None else outcome.version_id,
    }


# What was asked for stays marked, whatever spec the run had: a file edited in one process alone would be asked for
# again and again. Only a run that is older than the question may not have known better.
_INDEXED = text("""
INSERT INTO document_indexes AS x
    (document_id, index_name, collection, source, indexed_arrival, indexed_run, indexed_at, confirmed_arrival,
     confirmed_run, version, version_id, title, media_type, parser, chunking, metadata_rules, code_version, chunks,
     size_bytes)
VALUES (:document_id, :index_name, :collection,
        coalesce((SELECT a.source FROM arrivals a WHERE a.collection = :collection AND a.number = :arrival), ''),
        :arrival, :run_id, now(), :arrival, :run_id,
        :version, :version_id, :title, :media_type, :parser, :chunking, :metadata_rules, :code_version, :chunks,
        :size_bytes)
ON CONFLICT (document_id, index_name) DO UPDATE SET
    indexed_arrival = CASE WHEN :confirmed_only THEN x.indexed_arrival ELSE excluded.indexed_arrival END,
    indexed_run = CASE WHEN :confirmed_only THEN x.indexed_run ELSE excluded.indexed_run END,
    indexed_at = CASE WHEN :confirmed_only THEN x.indexed_at ELSE excluded.indexed_at END,
    confirmed_arrival = excluded.confirmed_arrival, confirmed_run = excluded.confirmed_run,
    version = excluded.version, version_id = excluded.version_id, title = excluded.title,
    media_type = excluded.media_type, parser = excluded.parser, chunking = excluded.chunking,
    metadata_rules = excluded.metadata_rules, code_version = excluded.code_version, source = excluded.source,
    asked_spec = CASE WHEN x.asked_at > coalesce((
        SELECT c.taken_at FROM claims c WHERE c.collection = :collection AND c.partition = :partition
            AND c.number = :claim AND c.run_id = :run_id), '-infinity') THEN '' ELSE x.asked_spec END,
    chunks = excluded.chunks, size_bytes = excluded.size_bytes
""")

_OUT_OF_INDEX = text("""
DELETE FROM document_indexes WHERE index_name = :index_name AND document_id = ANY(CAST(:ids AS uuid[]))
""")

_PLACE = text("""
UPDATE documents d SET place = greatest(d.place, placed.place), is_tombstone = placed.is_tombstone, changed_at = now()
FROM unnest(CAST(:ids AS uuid[]), CAST(:places AS bigint[]), CAST(:tombstones AS boolean[]))
    AS placed (id, place, is_tombstone)
WHERE d.document_id = placed.id
""")

_CLOSE = text("""
DELETE FROM intents WHERE id = ANY(CAST(:orphans AS bigint[]))
    OR id = ANY(CAST(:opened AS bigint[])) AND orphaned_at IS NULL
""")

# An orphan that appeared after the lock was taken has not been healed: the arrival is due again.
SETTLE = text(
    f"""
UPDATE arrivals a SET state = :state, alone = false, before = NULL, run_id = :run_id, changed_at = now(),
    reason_kind = :kind, reason = :reason, remedy = :remedy,
    tried_spec = CASE WHEN CAST(:tried_spec AS text) = '' THEN tried_spec ELSE :tried_spec END,
    read_version = :read_version, read_version_id = :read_version_id,
    attempts = CASE WHEN :state = 'pending' THEN greatest(attempts - 1, 0)
        WHEN :state IN ('indexed', 'unchanged', 'deleted') THEN 0 ELSE attempts END,
    crashes = CASE WHEN :state IN ('pending', 'quarantined') THEN crashes ELSE 0 END,
    stays = CASE WHEN :state = 'superseded' THEN a.stays WHEN :state <> 'pending' THEN 0
        WHEN CAST(:delay_s AS double precision) IS NULL THEN known.stays ELSE a.stays END,
    reconcile = CASE WHEN :state = 'superseded' THEN false ELSE known.orphans END,
    due_at = CASE
        WHEN :state = 'pending' THEN clock_timestamp() + make_interval(secs => coalesce(
            CAST(:delay_s AS double precision), least(:longest_s, :first_s * 2 ^ least(known.stays - 1, 20))))
        WHEN :state <> 'superseded' AND known.orphans THEN clock_timestamp()
    END
FROM (SELECT b.number, {grown_stays("b")} AS stays, EXISTS (
        SELECT 1 FROM intents WHERE document_id = :document_id AND orphaned_at IS NOT NULL) AS orphans
      FROM arrivals b WHERE b.collection = :collection AND b.number = :number) known
WHERE a.collection = :collection AND a.number = known.number
"""  # noqa: S608 - constants
)
