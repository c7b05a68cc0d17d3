"""Due work of a claimed block, and what becomes of an arrival that is not written."""

import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from rag_core.arrivals import Arrival, ArrivalState, Presence
from rag_core.errors import DocumentRejected, DocumentUnavailable, InvalidRequest, QuarantineKind
from rag_core.retrying import RetryDelays, is_exhausted
from resources.clients.catalog.claims import HAS_WORK, due_blocks
from resources.clients.catalog.database import Database
from resources.clients.catalog.making_due import MakingDue
from resources.clients.catalog.values import (
    SUSPECT_CRASHES,
    Claim,
    ClaimLost,
    DueArrival,
    Lane,
    ProcessingSpec,
)


class Due(MakingDue):
    """Every method that takes a claim touches only arrivals that this claim has begun."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._delays = RetryDelays()

    def arrivals(self, claim: Claim, *, limit: int) -> list[DueArrival]:
        """Return due arrivals of the block by number, suspects (``alone``) behind all others."""
        parameters = {**_block(claim), "limit": limit, "suspect": SUSPECT_CRASHES}
        with self._database.transaction() as connection:
            return [_due(row) for row in connection.execute(DUE_OF_BLOCK, parameters)]

    def newest_in_block(self, collection: str, partition: int) -> list[DueArrival]:
        """Return the block's arrivals that are their document's newest, due or not, for reconciliation."""
        with self._database.transaction() as connection:
            rows = connection.execute(NEWEST_OF_BLOCK, {"collection": collection, "partition": partition}).all()
        return [_due(row) for row in rows]

    def begin(
        self,
        claim: Claim,
        numbers: Sequence[int],
        *,
        reconcile: bool = False,
        spec: ProcessingSpec | None = None,
    ) -> list[int]:
        """Count an attempt of each and mark them processing, committed on return; return those really begun.

        Only due ones are begun; with ``reconcile`` settled ones too. ``spec`` is remembered, so that one that kills its
        process is tried again when the spec changes. Raises ``ClaimLost`` when the block is another run's,
        ``InvalidRequest`` when a suspect would not be alone.
        """
        if not numbers:
            return []
        parameters = {
            **_owned(claim),
            "numbers": list(numbers),
            "reconcile": reconcile,
            "suspect": SUSPECT_CRASHES,
            "tried_spec": "" if spec is None else spec.fingerprint,
        }
        with self._database.transaction() as connection:
            if connection.execute(_HOLDS, parameters).one_or_none() is None:
                raise ClaimLost(f"Block {claim.partition} of {claim.collection} is another run's now.")
            begun = sorted(connection.execute(_BEGIN, parameters).scalars())
            if connection.execute(_SUSPECT_HAS_COMPANY, parameters).scalar_one():
                raise InvalidRequest("A suspect is processed alone: begin it by itself, when nothing else is begun.")
        return begun

    def retry_later(self, claim: Claim, number: int, error: DocumentUnavailable, *, max_attempts: int) -> bool:
        """Make it due again after a growing delay; False when attempts are exhausted and it is quarantined."""
        parameters = {**_owned(claim), "number": number}
        with self._database.transaction() as connection:
            attempts = connection.execute(_ATTEMPTS, parameters).scalar_one_or_none()
            if attempts is None:
                raise ClaimLost(f"Arrival {number} of {claim.collection} is not this run's any more.")
            if is_exhausted(attempts, max_attempts):
                rejected = DocumentRejected(
                    QuarantineKind.ATTEMPTS_EXHAUSTED,
                    f"Tried {attempts} times; the last time: {error.message}",
                    remedy=error.remedy or "See that the source can be read, then: rag retry.",
                )
                _quarantine(connection, claim, number, rejected, tried_spec="")
                return False
            delay_s = self._delays.after(attempts, chance=random.random())  # noqa: S311 - spreads load, no secret
            connection.execute(
                _RETRY, {**parameters, "delay_s": delay_s, "reason": error.message, "remedy": error.remedy}
            )
        return True

    def quarantine(self, claim: Claim, number: int, rejected: DocumentRejected, *, tried: ProcessingSpec) -> None:
        """Settle it as quarantined; the last good version goes on answering, shown as stale.

        To remove that one as well (``on_quarantine: remove``) use ``writing.documents`` and ``quarantined`` instead.
        If a dead run left a write open, it is due again at once with ``reconcile`` and state quarantined.
        Raises ``ClaimLost`` when it is not this run's any more.
        """
        with self._database.transaction() as connection:
            _quarantine(connection, claim, number, rejected, tried_spec=tried.fingerprint)

    def supersede(self, claim: Claim, numbers: Sequence[int]) -> int:
        """Supersede those of ``numbers`` (due or begun) of which something newer is known; return how many."""
        with self._database.transaction() as connection:
            return connection.execute(_SUPERSEDE, {**_owned(claim), "numbers": list(numbers)}).rowcount

    def give_back(self, claim: Claim, numbers: Sequence[int]) -> None:
        """Make begun arrivals due at once and take back the counted attempt: a whole dependency is away."""
        self.stay_due(claim, numbers, delay_s=0)

    def stay_due(self, claim: Claim, numbers: Sequence[int], *, delay_s: float = 1.0) -> None:
        """Make begun arrivals due again soon, no attempt spent: the object changed while it was read."""
        with self._database.transaction() as connection:
            connection.execute(_GIVE_BACK, {**_owned(claim), "numbers": list(numbers), "delay_s": delay_s})

    def has_work(self, collection: str) -> bool:
        """Say whether ``claims.request`` would find anything now."""
        with self._database.transaction() as connection:
            return connection.execute(HAS_WORK, due_blocks(collection, Lane.BATCH)).scalar_one()


def _quarantine(
    connection: Connection, claim: Claim, number: int, rejected: DocumentRejected, *, tried_spec: str
) -> None:
    settled = connection.execute(
        _QUARANTINE,
        {
            **_owned(claim),
            "number": number,
            "kind": rejected.kind.value,
            "reason": rejected.message,
            "remedy": rejected.remedy,
            "tried_spec": tried_spec,
        },
    )
    if settled.rowcount != 1:
        raise ClaimLost(f"Arrival {number} of {claim.collection} is not this run's any more.")


def _block(claim: Claim) -> dict[str, Any]:
    return {"collection": claim.collection, "partition": claim.partition}


def _owned(claim: Claim) -> dict[str, Any]:
    return {**_block(claim), "claim": claim.number, "run_id": claim.run_id}


def _due(row: Any) -> DueArrival:
    document: UUID = row.document_id
    arrival = Arrival(
        collection=row.collection,
        number=row.number,
        partition=row.partition,
        document_id=document,
        source=row.source,
        key=row.key,
        uri=row.uri,
        presence=Presence(row.presence),
        announced=row.announced,
        size_bytes=row.size_bytes,
        state=ArrivalState(row.state),
        attempts=row.attempts,
        crashes=row.crashes,
        recorded_at=row.recorded_at,
    )
    return DueArrival(
        arrival=arrival,
        alone=row.crashes >= SUSPECT_CRASHES,
        newer_known=row.newer_known,
        reconcile=row.reconcile,
        indexed_arrival=row.indexed_arrival,
    )


_COLUMNS = """
SELECT a.collection, a.number, a.partition, a.document_id, a.source, a.key, a.uri, a.presence, a.announced,
       a.size_bytes, a.state, a.attempts, a.crashes, a.recorded_at, a.reconcile,
       EXISTS (SELECT 1 FROM arrivals n WHERE n.document_id = a.document_id AND n.number > a.number
               AND n.state <> 'quarantined')
       OR EXISTS (SELECT 1 FROM documents d WHERE d.document_id = a.document_id AND d.place > a.number) AS newer_known,
       (SELECT max(x.indexed_arrival) FROM document_indexes x WHERE x.document_id = a.document_id) AS indexed_arrival
FROM arrivals a
"""

DUE_OF_BLOCK = text(
    _COLUMNS
    + """
WHERE a.collection = :collection AND a.partition = :partition AND a.due_at <= now()
ORDER BY a.crashes >= :suspect, a.number LIMIT :limit
"""
)

NEWEST_OF_BLOCK = text(
    _COLUMNS  # noqa: S608 - constants of this module
    + """
WHERE a.collection = :collection
    AND a.number = ANY(ARRAY(SELECT generate_series(first_number, first_number + arrivals - 1) FROM blocks
                             WHERE collection = :collection AND partition = :partition))
    AND a.number = (SELECT max(n.number) FROM arrivals n WHERE n.document_id = a.document_id)
ORDER BY a.number
"""
)

_HOLDS = text("""
SELECT 1 FROM claims WHERE collection = :collection AND partition = :partition AND number = :claim
    AND run_id = :run_id AND state = 'running' FOR SHARE
""")

_SUSPECT_HAS_COMPANY = text("""
SELECT count(*) > 1 AND coalesce(bool_or(alone), false) FROM arrivals
WHERE collection = :collection AND state = 'processing' AND partition = :partition
    AND run_id = :run_id AND claim = :claim
""")

_BEGIN = text("""
UPDATE arrivals SET state = 'processing', attempts = attempts + 1, alone = crashes >= :suspect, due_at = NULL,
    run_id = :run_id, claim = :claim, changed_at = now(),
    tried_spec = CASE WHEN CAST(:tried_spec AS text) = '' THEN tried_spec ELSE :tried_spec END
WHERE collection = :collection AND partition = :partition AND number = ANY(CAST(:numbers AS bigint[]))
    AND state <> 'processing' AND (due_at <= now() OR CAST(:reconcile AS boolean))
RETURNING number
""")

_OURS = " collection = :collection AND state = 'processing' AND run_id = :run_id AND claim = :claim "

_ATTEMPTS = text("SELECT attempts FROM arrivals WHERE number = :number AND" + _OURS + "FOR UPDATE")  # noqa: S608 - constant

_RETRY = text(
    """
UPDATE arrivals SET state = 'retrying', due_at = now() + make_interval(secs => :delay_s), alone = false,
    reason_kind = '', reason = :reason, remedy = :remedy, changed_at = now()
WHERE number = :number AND"""
    + _OURS
)

_QUARANTINE = text(
    """
UPDATE arrivals a SET state = 'quarantined', alone = false, reason_kind = :kind, reason = :reason, remedy = :remedy,
    tried_spec = :tried_spec, changed_at = now(), reconcile = orphans.exist,
    due_at = CASE WHEN orphans.exist THEN now() END
FROM (SELECT p.number, EXISTS (SELECT 1 FROM intents i WHERE i.document_id = p.document_id
                               AND i.orphaned_at IS NOT NULL) AS exist
      FROM arrivals p WHERE number = :number AND"""  # noqa: S608 - constants of this module
    + _OURS
    + """) orphans
WHERE a.collection = :collection AND a.number = orphans.number
"""
)

_SUPERSEDE = text("""
UPDATE arrivals a SET state = 'superseded', due_at = NULL, reconcile = false, alone = false,
    reason_kind = '', reason = '', remedy = '', run_id = :run_id, claim = :claim, changed_at = now()
WHERE a.collection = :collection AND a.partition = :partition AND a.number = ANY(CAST(:numbers AS bigint[]))
    AND (a.due_at IS NOT NULL OR a.state = 'processing' AND a.run_id = :run_id AND a.claim = :claim)
    AND (EXISTS (SELECT 1 FROM arrivals n WHERE n.document_id = a.document_id AND n.number > a.number
                 AND n.state <> 'quarantined')
         OR EXISTS (SELECT 1 FROM documents d WHERE d.document_id = a.document_id AND d.place > a.number))
    AND EXISTS (SELECT 1 FROM claims c WHERE c.collection = :collection AND c.partition = :partition
                AND c.number = :claim AND c.run_id = :run_id AND c.state = 'running')
""")

_GIVE_BACK = text(
    """
UPDATE arrivals SET state = 'pending', attempts = greatest(attempts - 1, 0), alone = false,
    due_at = now() + make_interval(secs => :delay_s), changed_at = now()
WHERE number = ANY(CAST(:numbers AS bigint[])) AND"""
    + _OURS
)
