"""What is known of a source, and the end of a sweep: deleting needs certainty."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from rag_core.arrivals import Presence
from resources.clients.catalog.database import Database
from resources.clients.catalog.deletion_stops import CANDIDATES, PRESENT_TOTAL, judge_deletions
from resources.clients.catalog.deletions import accept_globs, record_candidates_gone
from resources.clients.catalog.recording import move_position, stage_missing
from resources.clients.catalog.stops import Stops
from resources.clients.catalog.sweep_accounts import SweepAccounts
from resources.clients.catalog.values import (
    Concluded,
    KnownObject,
    Missing,
    PartitionLimits,
    PositionChange,
    PositionMoved,
    Recorded,
    SafetyStop,
    Sweep,
)


class Sources(Stops, SweepAccounts):
    """Known objects by key range, sweeps and their deletion candidates, stops that wait for a person, troubles."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(
        self, collection: str, source: str, *, after_key: str, through_key: str | None, limit: int
    ) -> list[KnownObject]:
        """Return present objects with ``after_key < key <= through_key`` (None: to the end), bytewise by key."""
        parameters = {"collection": collection, "source": source, "after": after_key, "limit": limit}
        statement = KNOWN
        if through_key is not None:
            statement, parameters = KNOWN_THROUGH, {**parameters, "through": through_key}
        with self._database.transaction() as connection:
            rows = connection.execute(statement, parameters).all()
        return [
            KnownObject(
                key=row.key, presence=Presence(row.presence), announced=row.announced, recorded_at=row.recorded_at
            )
            for row in rows
        ]

    def begin_sweep(self, collection: str, source: str) -> Sweep:
        """Begin a sweep and forget an unfinished one's candidates; keep its id and pass it to record and conclude.

        While the source is stopped, the stopped sweep's candidates stay as they were shown.
        """
        parameters = {"collection": collection, "source": source, "sweep_id": uuid4()}
        with self._database.transaction() as connection:
            row = connection.execute(_BEGIN, parameters).one()
            connection.execute(_FORGET_OTHERS, parameters)
        return Sweep(id=row.sweep_id, first_number=row.first_number, started_at=row.started_at)

    def stage_missing(self, collection: str, source: str, sweep_id: UUID, keys: Sequence[str]) -> None:
        """Add deletion candidates; ``record(..., sweep_id=, missing=)`` does it together with the position."""
        with self._database.transaction() as connection:
            stage_missing(connection, collection, source, sweep_id, keys)

    def missing(self, collection: str, source: str, sweep_id: UUID) -> Missing:
        """Count what the sweep would delete now, and what is present."""
        with self._database.transaction() as connection:
            sweep = _sweep(connection, collection, source, sweep_id)
            return Missing(
                candidates=_count(connection, collection, source, sweep_id, sweep.first_number),
                present_total=_present(connection, collection, source),
            )

    def conclude(
        self,
        collection: str,
        source: str,
        sweep_id: UUID,
        *,
        limits: PartitionLimits,
        position: PositionChange | None = None,
        safety: SafetyStop | None = None,
        saw_all: bool = True,
    ) -> Concluded:
        """End a complete sweep: record its candidates as gone, or stop the source red; one transaction.

        Only keys whose latest observation is older than the sweep's start are deleted. More than ``safety`` allows
        (None: 20 % and at least 20 objects), or any deletion after changed globs, stops; while stopped, nothing is
        deleted. A stop for deletions shows from now on what this sweep misses, and is lifted where that is little
        enough, unless the sweep did not look at all of the source (``saw_all``). Raises ``PositionMoved`` when another
        tick or sweep took over; then nothing has happened.
        """
        with self._database.transaction() as connection:
            connection.execute(text("SET LOCAL statement_timeout = '10min'"))
            if position is not None:  # before the sweep's row, as recording does: the same order of locks
                move_position(connection, collection, source, position)
            sweep = _sweep(connection, collection, source, sweep_id)
            judged = judge_deletions(
                connection, collection, source, sweep, safety=safety or SafetyStop(), saw_all=saw_all
            )
            recorded = Recorded(new=0, same=0)
            if judged.stop is None:
                accept_globs(connection, collection, source)
                recorded = record_candidates_gone(connection, collection, source, sweep_id, sweep.first_number, limits)
                connection.execute(_END, {"collection": collection, "source": source, "sweep_id": sweep_id})
        return Concluded(recorded=recorded, candidates=judged.candidates, stop=judged.stop, lifted=judged.lifted)


def _sweep(connection: Connection, collection: str, source: str, sweep_id: UUID) -> Any:
    row = connection.execute(_SWEEP, {"collection": collection, "source": source, "sweep_id": sweep_id}).one_or_none()
    if row is None:
        raise PositionMoved(f"Another sweep of {collection}/{source} has begun; this one concludes nothing.")
    return row


def _count(connection: Connection, collection: str, source: str, sweep_id: UUID, first_number: int) -> int:
    parameters = {"collection": collection, "source": source, "sweep_id": sweep_id, "first_number": first_number}
    return connection.execute(CANDIDATES, parameters).scalar_one()


def _present(connection: Connection, collection: str, source: str) -> int:
    return connection.execute(PRESENT_TOTAL, {"collection": collection, "source": source}).scalar_one()


KNOWN = text("""
SELECT key, presence, announced, recorded_at FROM observations
WHERE collection = :collection AND source = :source AND key > :after AND presence = 'present'
ORDER BY key LIMIT :limit
""")

KNOWN_THROUGH = text("""
SELECT key, presence, announced, recorded_at FROM observations
WHERE collection = :collection AND source = :source AND key > :after AND key <= :through AND presence = 'present'
ORDER BY key LIMIT :limit
""")

_BEGIN = text("""
INSERT INTO sweeps (collection, source, sweep_id, first_number, started_at)
SELECT :collection, :source, :sweep_id,
       coalesce((SELECT next_number FROM collections WHERE collection = :collection), 0), clock_timestamp()
ON CONFLICT (collection, source) DO UPDATE SET sweep_id = excluded.sweep_id, first_number = excluded.first_number,
    started_at = excluded.started_at
RETURNING sweep_id, first_number, started_at
""")

_FORGET_OTHERS = text("""
DELETE FROM sweep_missing WHERE collection = :collection AND source = :source AND sweep_id <> :sweep_id
    AND sweep_id NOT IN (SELECT sweep_id FROM stops WHERE collection = :collection AND source = :source
                         AND confirmed_at IS NULL AND sweep_id IS NOT NULL)
""")

_SWEEP = text("""
SELECT sweep_id, first_number FROM sweeps
WHERE collection = :collection AND source = :source AND sweep_id = :sweep_id FOR UPDATE
""")

_END = text("DELETE FROM sweeps WHERE collection = :collection AND source = :source AND sweep_id = :sweep_id")
