"""What is known of a source, and the end of a sweep: deleting needs certainty."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from rag_core.arrivals import Presence
from resources.clients.catalog.database import Database
from resources.clients.catalog.deletions import accept_globs, record_candidates_gone
from resources.clients.catalog.recording import move_position, stage_missing
from resources.clients.catalog.stops import GLOBS_NOT_ACCEPTED, Stops, open_stop, open_stop_of
from resources.clients.catalog.values import (
    Concluded,
    KnownObject,
    Missing,
    PartitionLimits,
    PositionChange,
    PositionMoved,
    Recorded,
    SafetyStop,
    Stop,
    StopKind,
    Sweep,
)

_SHOWN_KEYS = 20


class Sources(Stops):
    """Known objects by key range, sweeps and their deletion candidates, stops that wait for a person."""

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
    ) -> Concluded:
        """End a complete sweep: record its candidates as gone, or stop the source red; one transaction.

        Only keys whose latest observation is older than the sweep's start are deleted. More than ``safety`` allows
        (None: 20 % and at least 20 objects), or any deletion after changed globs, stops. While stopped, nothing is
        deleted. Raises ``PositionMoved`` when another tick or sweep took over; then nothing has happened.
        """
        with self._database.transaction() as connection:
            connection.execute(text("SET LOCAL statement_timeout = '10min'"))
            if position is not None:  # before the sweep's row, as recording does: the same order of locks
                move_position(connection, collection, source, position)
            sweep = _sweep(connection, collection, source, sweep_id)
            candidates = _count(connection, collection, source, sweep_id, sweep.first_number)
            stop = open_stop_of(connection, collection, source)
            if stop is None and candidates:
                stop = _stop_if_unsafe(connection, collection, source, sweep, candidates, safety or SafetyStop())
            recorded = Recorded(new=0, same=0)
            if stop is None:
                accept_globs(connection, collection, source)
                recorded = record_candidates_gone(connection, collection, source, sweep_id, sweep.first_number, limits)
                connection.execute(_END, {"collection": collection, "source": source, "sweep_id": sweep_id})
        return Concluded(recorded=recorded, candidates=candidates, stop=stop)


def _sweep(connection: Connection, collection: str, source: str, sweep_id: UUID) -> Any:
    row = connection.execute(_SWEEP, {"collection": collection, "source": source, "sweep_id": sweep_id}).one_or_none()
    if row is None:
        raise PositionMoved(f"Another sweep of {collection}/{source} has begun; this one concludes nothing.")
    return row


def _count(connection: Connection, collection: str, source: str, sweep_id: UUID, first_number: int) -> int:
    parameters = {"collection": collection, "source": source, "sweep_id": sweep_id, "first_number": first_number}
    return connection.execute(_CANDIDATES, parameters).scalar_one()


def _present(connection: Connection, collection: str, source: str) -> int:
    return connection.execute(PRESENT_TOTAL, {"collection": collection, "source": source}).scalar_one()


def _stop_if_unsafe(
    connection: Connection, collection: str, source: str, sweep: Any, candidates: int, safety: SafetyStop
) -> Stop | None:
    globs_changed = connection.execute(
        GLOBS_NOT_ACCEPTED, {"collection": collection, "source": source}
    ).scalar_one_or_none()
    if not globs_changed and candidates < safety.min_objects:
        return None
    present = _present(connection, collection, source)
    if not globs_changed and candidates <= present * safety.share:
        return None
    keys = connection.execute(
        _SAMPLE,
        {"collection": collection, "source": source, "sweep_id": sweep.sweep_id, "limit": _SHOWN_KEYS},
    ).scalars()
    why = "its globs changed and no longer select them" if globs_changed else "the last sweep did not find them"
    return open_stop(
        connection,
        collection,
        source,
        StopKind.GLOBS_CHANGED if globs_changed else StopKind.MASS_DELETION,
        f"{candidates} of {present} objects would be deleted: {why}.",
        {"candidates": candidates, "present_total": present, "first_keys": list(keys)},
        sweep=(sweep.sweep_id, sweep.first_number),
    )


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

PRESENT_TOTAL = text("""
SELECT count(*) FROM observations WHERE collection = :collection AND source = :source AND presence = 'present'
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

_CANDIDATES = text("""
SELECT count(*) FROM sweep_missing m
JOIN observations o ON o.collection = m.collection AND o.source = m.source AND o.key = m.key
WHERE m.collection = :collection AND m.source = :source AND m.sweep_id = :sweep_id
    AND o.presence = 'present' AND o.number < :first_number
""")

_SAMPLE = text("""
SELECT key FROM sweep_missing WHERE collection = :collection AND source = :source AND sweep_id = :sweep_id
ORDER BY key LIMIT :limit
""")
