"""What is known of a source, and the end of a sweep: deleting needs certainty."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from rag_core.identity import Json
from resources.clients.catalog.database import Database
from resources.clients.catalog.values import (
    Concluded,
    KnownObject,
    Missing,
    PartitionLimits,
    PositionChange,
    Recorded,
    SafetyStop,
    Stop,
    StopKind,
    Sweep,
)


class Sources:
    """Known objects by key range, sweeps and their deletion candidates, stops that wait for a person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(
        self, collection: str, source: str, *, after_key: str, through_key: str | None, limit: int
    ) -> list[KnownObject]:
        """Return present objects with ``after_key < key <= through_key`` (None: to the end), bytewise by key."""
        raise NotImplementedError

    def begin_sweep(self, collection: str, source: str) -> Sweep:
        """Begin a sweep and forget an unfinished one's candidates; keep its id and pass it to record and conclude.

        While the source is stopped, the stopped sweep's candidates stay as they were shown.
        """
        raise NotImplementedError

    def stage_missing(self, collection: str, source: str, sweep_id: UUID, keys: Sequence[str]) -> None:
        """Add deletion candidates; ``record(..., sweep_id=, missing=)`` does it together with the position."""
        raise NotImplementedError

    def missing(self, collection: str, source: str, sweep_id: UUID) -> Missing:
        """Count what the sweep would delete now, and what is present."""
        raise NotImplementedError

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
        (None: 20 % and at least 20 objects), or any deletion after changed globs, stops. While stopped, deletes nothing.
        """
        raise NotImplementedError

    def stop(self, collection: str, source: str, kind: StopKind, reason: str, detail: Mapping[str, Json]) -> Stop:
        """Stop a source red until a person confirms; an open stop stays as it was shown."""
        raise NotImplementedError

    def stopped(self, collection: str, source: str | None = None) -> list[Stop]:
        """Return the open stops of a collection, or of one source."""
        raise NotImplementedError

    def confirm(self, stop_id: int, *, by: str, limits: PartitionLimits) -> Recorded:
        """Let exactly what was shown through: its deletion set, the removed source's objects, or the root.

        Raises ``InvalidRequest`` when no such stop is open.
        """
        raise NotImplementedError

    def confirmed(self, collection: str, source: str, kind: StopKind) -> Stop | None:
        """Return the last confirmed stop of a kind: its ``detail`` (a root's identity, say) is accepted."""
        raise NotImplementedError

    def declared(self, collection: str, sources: Mapping[str, str]) -> list[Stop]:
        """Remember the sources (name: fingerprint of its globs) of the collection file; return the open stops.

        A source taken out whose objects are known stops red; put back, its stop is lifted. Changed globs stop at the
        next conclusion that would delete anything.
        """
        raise NotImplementedError
