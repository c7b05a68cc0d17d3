"""Due work of a claimed block, and what becomes of an arrival that is not written."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from rag_core.arrivals import Arrival, ArrivalState, Presence
from rag_core.errors import InvalidRequest
from rag_core.retrying import RetryDelays
from resources.clients.catalog.claims import HAS_WORK, due_blocks
from resources.clients.catalog.database import Database
from resources.clients.catalog.locking import lock_arrivals
from resources.clients.catalog.making_due import MakingDue
from resources.clients.catalog.owning import block_of, owned
from resources.clients.catalog.unsettled import Unsettled
from resources.clients.catalog.values import (
    SUSPECT_CRASHES,
    Claim,
    ClaimLost,
    DueArrival,
    Lane,
    ProcessingSpec,
)


class Due(MakingDue, Unsettled):
    """Every method that takes a claim touches only arrivals that this claim has begun."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._delays = RetryDelays()

    def arrivals(self, claim: Claim, *, limit: int) -> list[DueArrival]:
        """Return due arrivals of the block by number, suspects (``alone``) behind all others."""
        parameters = {**block_of(claim), "limit": limit, "suspect": SUSPECT_CRASHES}
        with self._database.transaction() as connection:
            return [_due(row) for row in connection.execute(DUE_OF_BLOCK, parameters)]

    def newest_in_block(self, collection: str, partition: int) -> list[DueArrival]:
        """Return the block's arrivals that are their document's newest, due or not, for reconciliation."""
        with self._database.transaction() as connection:
            parameters = {"collection": collection, "partition": partition, "suspect": SUSPECT_CRASHES}
            rows = connection.execute(NEWEST_OF_BLOCK, parameters).all()
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
            **owned(claim),
            "numbers": list(numbers),
            "reconcile": reconcile,
            "suspect": SUSPECT_CRASHES,
            "sources": [],
            "specs": [],
        }
        if spec is not None:
            names = sorted(spec.metadata_rules)
            parameters |= {"sources": names, "specs": [spec.fingerprint_of(name) for name in names]}
        with self._database.transaction() as connection:
            if connection.execute(_HOLDS, parameters).one_or_none() is None:
                raise ClaimLost(f"Block {claim.partition} of {claim.collection} is another run's now.")
            lock_arrivals(connection, claim.collection, numbers)
            begun = sorted(connection.execute(BEGIN, parameters).scalars())
            if connection.execute(_SUSPECT_HAS_COMPANY, parameters).scalar_one():
                raise InvalidRequest("A suspect is processed alone: begin it by itself, when nothing else is begun.")
        return begun

    def supersede(self, claim: Claim, numbers: Sequence[int]) -> int:
        """Supersede those of ``numbers`` (due or begun) of which something newer is known; return how many."""
        with self._database.transaction() as connection:
            lock_arrivals(connection, claim.collection, numbers)
            return connection.execute(_SUPERSEDE, {**owned(claim), "numbers": list(numbers)}).rowcount

    def has_work(self, collection: str) -> bool:
        """Say whether ``claims.request`` would find anything now."""
        with self._database.transaction() as connection:
            return connection.execute(HAS_WORK, due_blocks(collection, Lane.BATCH)).scalar_one()


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
        traceparent=row.traceparent or "",
    )
    return DueArrival(
        arrival=arrival,
        alone=row.crashes >= SUSPECT_CRASHES,
        newer_known=row.newer_known,
        reconcile=row.reconcile,
        indexed_arrival=row.indexed_arrival,
    )


# One that ended its process is not tried again by whoever looks at its block, only when it is asked for.
_COLUMNS = """
SELECT a.collection, a.number, a.partition, a.document_id, a.source, a.key, a.uri, a.presence, a.announced,
       a.size_bytes, a.state, a.attempts, a.crashes, a.recorded_at, a.traceparent,
       a.reconcile OR a.state = 'quarantined' AND a.reason_kind = 'crashed' AS reconcile,
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
ORDER BY a.crashes >= :suspect, a.number
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

BEGIN = text("""
UPDATE arrivals a SET state = 'processing', attempts = attempts + 1, alone = crashes >= :suspect, due_at = NULL,
    run_id = :run_id, claim = :claim, changed_at = now(),
    before = jsonb_build_object('state', state, 'due_at', due_at, 'run_id', run_id, 'tried_spec', tried_spec,
                                'changed_at', changed_at),
    tried_spec = CASE
        WHEN state = 'quarantined' AND (reconcile OR reason_kind = 'crashed') THEN tried_spec ELSE coalesce((
        SELECT tried.spec FROM unnest(CAST(:sources AS text[]), CAST(:specs AS text[])) AS tried (source, spec)
        WHERE tried.source = a.source), tried_spec) END
WHERE collection = :collection AND partition = :partition AND number = ANY(CAST(:numbers AS bigint[]))
    AND state <> 'processing' AND (due_at <= now() OR CAST(:reconcile AS boolean))
RETURNING number
""")

_SUPERSEDE = text("""
UPDATE arrivals a SET state = 'superseded', due_at = NULL, reconcile = false, alone = false, before = NULL,
    reason_kind = '', reason = '', remedy = '', run_id = :run_id, claim = :claim, changed_at = now()
WHERE a.collection = :collection AND a.partition = :partition AND a.number = ANY(CAST(:numbers AS bigint[]))
    AND (a.due_at IS NOT NULL OR a.state = 'processing' AND a.run_id = :run_id AND a.claim = :claim)
    AND (EXISTS (SELECT 1 FROM arrivals n WHERE n.document_id = a.document_id AND n.number > a.number
                 AND n.state <> 'quarantined')
         OR EXISTS (SELECT 1 FROM documents d WHERE d.document_id = a.document_id AND d.place > a.number))
    AND EXISTS (SELECT 1 FROM claims c WHERE c.collection = :collection AND c.partition = :partition
                AND c.number = :claim AND c.run_id = :run_id AND c.state = 'running')
""")
