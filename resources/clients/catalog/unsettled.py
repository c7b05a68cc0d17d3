"""Arrivals that a run has begun and cannot settle now: to be tried later, looked at later, or put back."""

import random
from collections.abc import Sequence

from sqlalchemy import text

from rag_core.errors import DocumentRejected, DocumentUnavailable, QuarantineKind
from rag_core.retrying import RetryDelays, is_exhausted
from resources.clients.catalog.database import Database
from resources.clients.catalog.failures import TRANSIENT, FailureEvent, remember_failures, storable
from resources.clients.catalog.locking import lock_arrivals
from resources.clients.catalog.owning import OURS, owned
from resources.clients.catalog.values import Claim, ClaimLost, DueArrival

FIRST_STAY_S = 1.0
LONGEST_STAY_S = 900.0
"""An object that changes each time it is looked at is looked at after 1 s, 2 s, 4 s, … and at last every 15 minutes."""


class Unsettled:
    """The half of ``Due`` that gives begun arrivals back; what is no longer this run's is left alone."""

    _database: Database
    _delays: RetryDelays

    def retry_later(
        self, claim: Claim, number: int, error: DocumentUnavailable, *, max_attempts: int
    ) -> DocumentRejected | None:
        """Make it due again after a growing delay and return None, or return why it is rejected: attempts are spent.

        Then nothing is settled yet: write it by ``writing.documents`` and ``quarantined``, so that narrowed rights and
        removal take effect. Raises ``ClaimLost`` when it is not this run's any more.
        """
        parameters = {**owned(claim), "number": number}
        with self._database.transaction() as connection:
            row = connection.execute(_ATTEMPTS, parameters).one_or_none()
            if row is None:
                raise ClaimLost(f"Arrival {number} of {claim.collection} is not this run's any more.")
            if is_exhausted(row.attempts, max_attempts):
                return DocumentRejected(
                    QuarantineKind.ATTEMPTS_EXHAUSTED,
                    f"Tried {row.attempts} times; the last time: {error.message}",
                    remedy=error.remedy or "See that the source can be read, then: rag retry.",
                )
            delay_s = self._delays.after(row.attempts, chance=random.random())  # noqa: S311 - spreads load, no secret
            reason, remedy = storable(error.message), storable(error.remedy)
            connection.execute(_RETRY, {**parameters, "delay_s": delay_s, "reason": reason, "remedy": remedy})
            event = FailureEvent(
                document_id=row.document_id,
                arrival=number,
                run_id=claim.run_id,
                kind=TRANSIENT,
                reason=reason,
                remedy=remedy,
            )
            remember_failures(connection, claim.collection, [event])
        return None

    def stay_due(self, claim: Claim, numbers: Sequence[int], *, delay_s: float | None = None) -> None:
        """Make begun arrivals due again later, no attempt spent: the object changed, or its source is away.

        Without a delay it grows with each time in a row that the document stayed due.
        """
        with self._database.transaction() as connection:
            lock_arrivals(connection, claim.collection, numbers)
            parameters = {**owned(claim), "numbers": list(numbers)}
            if delay_s is None:
                connection.execute(STAY_LONGER, {**parameters, "first_s": FIRST_STAY_S, "longest_s": LONGEST_STAY_S})
            else:
                connection.execute(_GIVE_BACK, {**parameters, "delay_s": delay_s})

    def give_back(self, claim: Claim, numbers: Sequence[int], *, delay_s: float = 0.0) -> None:
        """Make begun arrivals due and take back the counted attempt: a whole dependency is away."""
        self.stay_due(claim, numbers, delay_s=delay_s)

    def put_back(
        self, claim: Claim, tasks: Sequence[DueArrival], *, delay_s: float, longest_s: float | None = None
    ) -> None:
        """Leave begun arrivals as they were before ``begin``: settled ones settled, due ones due after a delay.

        With ``longest_s`` the delay doubles with each time in a row, up to that. One that was not due is due all the
        same when a dead run's open write was found meanwhile.
        """
        numbers = [task.arrival.number for task in tasks]
        with self._database.transaction() as connection:
            lock_arrivals(connection, claim.collection, numbers)
            longest_s = delay_s if longest_s is None else longest_s
            connection.execute(
                PUT_BACK,
                {**owned(claim), "numbers": numbers, "delay_s": delay_s, "longest_s": max(delay_s, longest_s)},
            )


def grown_stays(arrival: str) -> str:
    """Return SQL for how often an arrival's document has stayed due by now, those counted that it superseded since."""
    return f"""1 + greatest({arrival}.stays, coalesce((
    SELECT max(p.stays) FROM (
        SELECT e.stays, bool_or(e.state <> 'superseded') OVER (ORDER BY e.number DESC) AS was_settled
        FROM (SELECT n.number, n.state, n.stays FROM arrivals n
              WHERE n.document_id = {arrival}.document_id AND n.number < {arrival}.number
              ORDER BY n.number DESC LIMIT 20) e) p
    WHERE NOT p.was_settled), 0))"""  # noqa: S608 - the alias is a constant of the caller


_ATTEMPTS = text("SELECT attempts, document_id FROM arrivals WHERE number = :number AND" + OURS + "FOR UPDATE")  # noqa: S608 - constant

_RETRY = text(
    """
UPDATE arrivals SET state = 'retrying', due_at = now() + make_interval(secs => :delay_s), alone = false,
    reason_kind = '', reason = :reason, remedy = :remedy, before = NULL, changed_at = now()
WHERE number = :number AND"""
    + OURS
)

_GIVE_BACK = text(
    """
UPDATE arrivals SET state = 'pending', attempts = greatest(attempts - 1, 0), alone = false, before = NULL,
    due_at = now() + make_interval(secs => :delay_s), changed_at = now()
WHERE number = ANY(CAST(:numbers AS bigint[])) AND"""
    + OURS
)

STAY_LONGER = text(
    f"""
UPDATE arrivals a SET state = 'pending', attempts = greatest(a.attempts - 1, 0), alone = false, before = NULL,
    stays = grown.stays, changed_at = now(),
    due_at = now() + make_interval(secs => least(:longest_s, :first_s * 2 ^ least(grown.stays - 1, 20)))
FROM (
    SELECT b.number, {grown_stays("b")} AS stays FROM arrivals b
    WHERE b.number = ANY(CAST(:numbers AS bigint[])) AND{OURS}) grown
WHERE a.collection = :collection AND a.number = grown.number
"""  # noqa: S608 - constants
)

PUT_BACK = text(
    """
UPDATE arrivals SET state = coalesce(before ->> 'state', 'pending'), attempts = greatest(attempts - 1, 0),
    alone = false, before = NULL, run_id = coalesce(before ->> 'run_id', run_id),
    tried_spec = coalesce(before ->> 'tried_spec', tried_spec),
    changed_at = coalesce(CAST(before ->> 'changed_at' AS timestamptz), now()),
    stays = stays + CASE WHEN :delay_s * 2 ^ least(stays, 20) < CAST(:longest_s AS double precision) THEN 1 ELSE 0 END,
    due_at = CASE WHEN before IS NULL OR before ->> 'due_at' IS NOT NULL OR reconcile
        THEN greatest(CAST(before ->> 'due_at' AS timestamptz), now() + make_interval(
            secs => least(:longest_s, :delay_s * 2 ^ least(stays, 20)))) END
WHERE number = ANY(CAST(:numbers AS bigint[])) AND"""
    + OURS
)
