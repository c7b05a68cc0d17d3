"""Record, then act: arrivals and the source's position in one transaction."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from rag_core.arrivals import Observation
from resources.clients.catalog.database import Database
from resources.clients.catalog.values import PartitionLimits, Position, PositionChange, Recorded


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
        raise NotImplementedError

    def position(self, collection: str, source: str) -> Position:
        """Return the source's bookmark; version 0 and an empty value before the first."""
        raise NotImplementedError
