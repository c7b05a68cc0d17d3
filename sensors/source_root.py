"""A source's root: whether it is there, whether it is the one whose objects are known, and what a person let through.

A root that is missing, or lies elsewhere than what is known, stops red: everything known of it would seem deleted.
"""

from dataclasses import dataclass
from pathlib import Path

from rag_core.collection import BucketSource, Collection
from rag_core.sweeping import CONFIRMED, Safety, SweepState
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import PartitionLimits, StopKind
from resources.clients.object_store import ObjectStore, RootMissing, location_of
from sensors.source_stops import stopped_error

_ROOT_STOPS = (StopKind.ROOT_MISSING, StopKind.ROOT_CHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRoot:
    """The root of one source, between its store and what the catalog knows of it."""

    collection: Collection
    source: BucketSource
    base_dir: Path
    store: ObjectStore
    catalog: Catalog
    limits: PartitionLimits

    def look(self, state: SweepState) -> tuple[str | None, Safety | None]:
        """Return the root's identity and, where a person confirmed that it is given up, that all may be deleted.

        Raises ``SourceStopped`` where the known objects' root is missing or lies elsewhere, ``RootMissing`` where
        nothing is known of it.
        """
        if state.root_uri not in {None, self.store.root_uri} and self._knows_anything():
            changed = f"its url changed from {state.root_uri} to {self.store.root_uri}."
            return None, self._given_up(state, StopKind.ROOT_CHANGED, changed)
        try:
            return self.store.probe(), None
        except RootMissing as missing:
            if self._knows_anything():
                return None, self._given_up(state, StopKind.ROOT_MISSING, missing.message)
            location = location_of(self.source, self.base_dir)
            if not self.source.create or not isinstance(location, Path):
                raise
            location.mkdir(parents=True, exist_ok=True)
            return self.store.probe(), None

    def _given_up(self, state: SweepState, kind: StopKind, reason: str) -> Safety:
        """Stop, or go on and delete all that is known if a person has confirmed just this since it was last so."""
        names = self.collection.name, self.source.name
        confirmed = self.catalog.sources.confirmed(*names, kind)
        root = self.store.root_uri
        if confirmed is not None and confirmed.id > state.spent_stop and confirmed.detail.get("root") == root:
            return CONFIRMED
        reason = f"{reason} Confirm only if all documents known from there shall be deleted."
        raise stopped_error([self.catalog.sources.stop(*names, kind, reason, {"root": root})])

    def spend_stops(self, state: SweepState, *, root_is_back: bool) -> int:
        """Return the newest stop of the root that is done with: a confirmation counts once, and never for later."""
        names = self.collection.name, self.source.name
        if root_is_back:
            for stop in self.catalog.sources.stopped(*names):
                if stop.kind in _ROOT_STOPS:
                    self.catalog.sources.confirm(stop.id, by="its root is back", limits=self.limits)
        confirmed = [self.catalog.sources.confirmed(*names, kind) for kind in _ROOT_STOPS]
        return max(state.spent_stop, *(stop.id for stop in confirmed if stop is not None), 0)

    def _knows_anything(self) -> bool:
        names = self.collection.name, self.source.name
        return bool(self.catalog.sources.known(*names, after_key="", through_key=None, limit=1))
