"""Record, then act: arrivals and the source's position in one transaction."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from rag_core.arrivals import Observation
from resources.clients.catalog.database import Database
from resources.clients.catalog.growing import count_anew_when_grown
from resources.clients.catalog.numbering import number_staged, open_staging, stage
from resources.clients.catalog.values import PartitionLimits, Position, PositionChange, PositionMoved, Recorded


class Recording:
    """What sweeps, watchers, listeners and uploads use; it locks no row that a writer of documents locks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self,
        collection: str,
        source: str,
        observations: Iterable[Observation],
        *,
        limits: PartitionLimits,
        position: PositionChange | None = None,
        sweep_id: UUID | None = None,
        missing: Sequence[str] = (),
    ) -> Recorded:
        """Number what is new, move the bookmark and stage a sweep's ``missing`` keys, all or nothing.

        Look before calling: the observations are consumed while a transaction is open. An observation without an
        announced version is always new. Raises ``PositionMoved`` (nothing recorded) when another tick moved it.
        """
        with self._database.transaction() as connection:
            connection.execute(text("SET LOCAL statement_timeout = '10min'"))
            open_staging(connection)
            staged = stage(connection, collection, observations)
            if position is not None:
                move_position(connection, collection, source, position)
            if sweep_id is not None:
                stage_missing(connection, collection, source, sweep_id, missing)
            recorded = number_staged(connection, collection, source, staged=staged, limits=limits)
        count_anew_when_grown(self._database, recorded)
        return recorded

    def position(self, collection: str, source: str) -> Position:
        """Return the source's bookmark; version 0 and an empty value before the first."""
        with self._database.transaction() as connection:
            row = connection.execute(_POSITION, {"collection": collection, "source": source}).one_or_none()
        return Position(value={}, version=0) if row is None else Position(value=row.value, version=row.version)


def move_position(connection: Connection, collection: str, source: str, change: PositionChange) -> None:
    """Store the bookmark if nobody moved it meanwhile; of two ticks with one expectation the second records nothing."""
    statement = _FIRST_POSITION if change.expected_version == 0 else _NEXT_POSITION
    moved = connection.execute(
        statement,
        {"collection": collection, "source": source, "value": change.value, "expected": change.expected_version},
    )
    if moved.rowcount != 1:
        raise PositionMoved(f"Another tick moved the position of {collection}/{source}; nothing was recorded.")


def stage_missing(connection: Connection, collection: str, source: str, sweep_id: UUID, keys: Sequence[str]) -> None:
    """Add deletion candidates of the running sweep; raises ``PositionMoved`` when another sweep has begun."""
    parameters = {"collection": collection, "source": source, "sweep_id": sweep_id}
    if connection.execute(_RUNNING_SWEEP, parameters).one_or_none() is None:
        raise PositionMoved(f"Another sweep of {collection}/{source} has begun; nothing was recorded.")
    if keys:
        connection.execute(_STAGE_MISSING, {**parameters, "keys": list(keys)})


_POSITION = text("SELECT value, version FROM positions WHERE collection = :collection AND source = :source")

_FIRST_POSITION = text("""
INSERT INTO positions (collection, source, value, version) VALUES (:collection, :source, :value, :expected + 1)
ON CONFLICT DO NOTHING
""").bindparams(bindparam("value", type_=JSONB))

_NEXT_POSITION = text("""
UPDATE positions SET value = :value, version = version + 1, moved_at = now()
WHERE collection = :collection AND source = :source AND version = :expected
""").bindparams(bindparam("value", type_=JSONB))

_RUNNING_SWEEP = text("""
SELECT 1 FROM sweeps WHERE collection = :collection AND source = :source AND sweep_id = :sweep_id FOR SHARE
""")

_STAGE_MISSING = text("""
INSERT INTO sweep_missing (collection, source, sweep_id, key)
SELECT :collection, :source, :sweep_id, key FROM unnest(CAST(:keys AS text[])) AS keys (key)
ON CONFLICT DO NOTHING
""")
