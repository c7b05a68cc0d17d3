"""One source's sweep, a bounded tick at a time: looks at the store, compares with the catalog, records. No Dagster.

A tick does, in this order:

1. remember what the collection file declares: a source or glob taken out of it stops red before anything is concluded;
2. look at the root: one that is missing, or lies elsewhere than what is known, stops red and nothing is concluded;
3. compare page by page, the catalog read *before* the store, so that what is recorded meanwhile cannot seem missing;
4. record each page's changes and candidates together with the position: a crash repeats a page, it never skips one;
5. only after the last page, conclude: the catalog deletes the candidates or stops red, and ends the sweep, in one
   transaction.

New and changed documents are recorded while a source is stopped, too: a stop holds back deletions alone.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from rag_core.arrivals import Observation, Presence
from rag_core.collection import BucketSource, Collection, selects
from rag_core.errors import Permanent
from rag_core.identity import fingerprint
from rag_core.objects import ListedPage
from rag_core.sweeping import (
    CONFIRMED,
    USUAL,
    Announced,
    PagePlan,
    Safety,
    Sweeping,
    SweepState,
    advanced,
    announce,
    finished,
    plan_page,
    safety_of,
)
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import PartitionLimits, PositionChange, PositionMoved, SafetyStop, Stop, StopKind
from resources.clients.object_store import ObjectStore, RootMissing, location_of

PAGE_KEYS = 1000
_ROOT_STOPS = (StopKind.ROOT_MISSING, StopKind.ROOT_CHANGED)
_NOTHING = ListedPage(objects=(), through="", complete=True)


class SourceStopped(Permanent):
    """A source waits for a person: nothing of it is deleted until then."""


class TickEnd(StrEnum):
    """How a tick of a sweep ended."""

    WAITING = "waiting"
    UNDER_WAY = "under way"
    COMPLETE = "complete"
    OVERTAKEN = "overtaken"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepTick:
    """What one tick looked at and recorded; ``deleted`` and ``stops`` are known at a sweep's end."""

    source: str
    end: TickEnd
    looked_at: int = 0
    recorded: int = 0
    deleted: int = 0
    unreadable: tuple[str, ...] = ()
    due_at: datetime | None = None
    stops: tuple[Stop, ...] = ()

    def described(self) -> str:
        """Return a sentence for the tick's page in the UI."""
        next_look = f"; the next sweep is due at {self.due_at:%H:%M:%S} UTC" if self.due_at else ""
        unread = f"; could not look at {', '.join(self.unreadable)}" if self.unreadable else ""
        match self.end:
            case TickEnd.WAITING:
                return f"{self.source}: the last sweep looked at {self.looked_at} objects{unread}{next_look}."
            case TickEnd.OVERTAKEN:
                return f"{self.source}: another tick sweeps this source."
            case _:
                did = f"{self.recorded} new or changed, {self.deleted} deleted"
                return f"{self.source}: looked at {self.looked_at} objects, {did}; {self.end}{unread}{next_look}."


class SourceSweep:
    """Sweeps one source; every call of ``tick`` continues where the catalog says the last one stopped."""

    def __init__(
        self,
        *,
        collection: Collection,
        source: BucketSource,
        base_dir: Path,
        store: ObjectStore,
        catalog: Catalog,
        page_keys: int = PAGE_KEYS,
    ) -> None:
        self._collection = collection
        self._source = source
        self._base_dir = base_dir
        self._store = store
        self._catalog = catalog
        self._page_keys = page_keys
        self._limits = PartitionLimits(size=collection.partition_size, bytes=collection.partition_bytes)

    def tick(self) -> SweepTick:
        """Sweep for the source's ``max_s_per_tick`` at most; raises what the store and the catalog raise.

        ``stops`` are those of this source and of sources that are no longer declared.
        """
        declared = {source.name: globs_fingerprint(source) for source in self._collection.sources}
        self._catalog.sources.declared(self._collection.name, declared)
        position = self._catalog.recording.position(self._collection.name, self._source.name)
        state = SweepState.from_json(position.value)
        due_at = state.due_at(self._source.sweep.interval_s)
        last = state.last
        if last is not None and due_at is not None and datetime.now(UTC) < due_at:
            tick = SweepTick(
                source=self._source.name,
                end=TickEnd.WAITING,
                looked_at=last.looked_at,
                unreadable=last.unreadable,
                due_at=due_at,
            )
        else:
            try:
                tick = self._sweep(state, position.version)
            except PositionMoved:
                tick = SweepTick(source=self._source.name, end=TickEnd.OVERTAKEN)
        return replace(tick, stops=self._open_stops(set(declared)))

    def _open_stops(self, declared: set[str]) -> tuple[Stop, ...]:
        first = self._collection.sources[0].name
        return tuple(
            stop
            for stop in self._catalog.sources.stopped(self._collection.name)
            if stop.source == self._source.name or (stop.source not in declared and self._source.name == first)
        )

    def _sweep(self, state: SweepState, version: int) -> SweepTick:
        root, safety = self._look_at_root(state)
        is_emptying = safety is CONFIRMED
        running = state.running
        if running is None or running.is_emptying != is_emptying:
            begun = self._catalog.sources.begin_sweep(self._collection.name, self._source.name)
            running = Sweeping(sweep_id=begun.id, began_at=begun.started_at, is_emptying=is_emptying)
        began_looked_at, recorded = running.looked_at, 0
        is_kept = False
        for plan, unreadable in self._plans(running, iter([_NOTHING]) if is_emptying else None):
            running = advanced(running, plan, unreadable)
            is_kept = bool(plan.changed or plan.missing)
            if is_kept:
                recorded += self._record(replace(state, running=running), version, plan)
                version += 1
            if plan.complete:
                return self._conclude(
                    state, running, version, root=root, safety=safety, recorded=recorded, before=began_looked_at
                )
        if not is_kept:
            self._record(replace(state, running=running), version, None)
        return SweepTick(
            source=self._source.name,
            end=TickEnd.UNDER_WAY,
            looked_at=running.looked_at - began_looked_at,
            recorded=recorded,
            unreadable=running.unreadable,
        )

    def _plans(
        self, running: Sweeping, pages: Iterator[ListedPage] | None
    ) -> Iterator[tuple[PagePlan, tuple[str, ...]]]:
        """Yield comparisons until the source's end or the tick's bounds; a page the catalog cut short is kept."""
        ends_at = time.monotonic() + self._source.sweep.max_s_per_tick
        keys_left = self._source.sweep.max_keys_per_tick
        after_key = running.after_key
        pages = pages or self._store.pages(after_key, page_size=self._page_keys)
        listed: ListedPage | None = None
        selected: tuple[Announced, ...] = ()
        while True:
            known = self._catalog.sources.known(
                self._collection.name, self._source.name, after_key=after_key, through_key=None, limit=self._page_keys
            )
            if listed is None:
                listed = next(pages)
                selected = announce(
                    listed,
                    is_selected=lambda key: selects(self._source, key),
                    sidecar_suffix=self._source.sidecar_suffix,
                    look=self._store.head,
                )
            plan = plan_page(
                after_key=after_key,
                listed=listed,
                selected=selected,
                known=known,
                known_complete=len(known) < self._page_keys,
                began_at=running.began_at,
            )
            yield plan, tuple(f"{each.name} ({each.reason})" for each in listed.unreadable)
            keys_left -= max(plan.looked_at, sum(row.key <= plan.through for row in known), 1)
            if plan.complete or keys_left <= 0 or time.monotonic() >= ends_at:
                return
            after_key = plan.through
            if after_key >= listed.through and not listed.complete:
                listed = None

    def _record(self, state: SweepState, version: int, plan: PagePlan | None) -> int:
        observations = [
            Observation(
                key=each.key,
                uri=self._store.uri(each.key),
                presence=Presence.PRESENT,
                announced=each.announced,
                size_bytes=each.size_bytes,
            )
            for each in (plan.changed if plan else ())
        ]
        running = state.running
        recorded = self._catalog.recording.record(
            self._collection.name,
            self._source.name,
            observations,
            limits=self._limits,
            position=PositionChange(value=state.to_json(), expected_version=version),
            sweep_id=running.sweep_id if running else None,
            missing=plan.missing if plan else (),
        )
        return recorded.new

    def _conclude(
        self,
        state: SweepState,
        running: Sweeping,
        version: int,
        *,
        root: str | None,
        safety: Safety | None,
        recorded: int,
        before: int,
    ) -> SweepTick:
        now = datetime.now(UTC)
        state = replace(state, spent_stop=self._spend_stops(state, root_is_back=running.looked_at > 0))
        done = finished(state, running, root_uri=self._store.root_uri, root=root, at=now)
        if safety is None:
            safety = safety_of(
                looked_at=running.looked_at,
                is_unreadable=bool(running.unreadable),
                root=root,
                known_root=state.root,
            )
        concluded = self._catalog.sources.conclude(
            self._collection.name,
            self._source.name,
            running.sweep_id,
            limits=self._limits,
            position=PositionChange(value=done.to_json(), expected_version=version),
            safety=None if safety is USUAL else SafetyStop(share=safety.share, min_objects=safety.min_objects),
        )
        return SweepTick(
            source=self._source.name,
            end=TickEnd.COMPLETE,
            looked_at=running.looked_at - before,
            recorded=recorded,
            deleted=concluded.recorded.new,
            unreadable=running.unreadable,
            due_at=done.due_at(self._source.sweep.interval_s),
        )

    def _look_at_root(self, state: SweepState) -> tuple[str | None, Safety | None]:
        """Return the root's identity and, where a person confirmed that it is given up, that all may be deleted.

        Raises ``SourceStopped`` where the known objects' root is missing or lies elsewhere, ``RootMissing`` where
        nothing is known of it.
        """
        if state.root_uri not in {None, self._store.root_uri} and self._knows_anything():
            changed = f"its url changed from {state.root_uri} to {self._store.root_uri}."
            return None, self._given_up(state, StopKind.ROOT_CHANGED, changed)
        try:
            return self._store.probe(), None
        except RootMissing as missing:
            if self._knows_anything():
                return None, self._given_up(state, StopKind.ROOT_MISSING, missing.message)
            location = location_of(self._source, self._base_dir)
            if not self._source.create or not isinstance(location, Path):
                raise
            location.mkdir(parents=True, exist_ok=True)
            return self._store.probe(), None

    def _given_up(self, state: SweepState, kind: StopKind, reason: str) -> Safety:
        """Stop, or go on and delete all that is known if a person has confirmed just this since it was last so."""
        names = self._collection.name, self._source.name
        confirmed = self._catalog.sources.confirmed(*names, kind)
        root = self._store.root_uri
        if confirmed is not None and confirmed.id > state.spent_stop and confirmed.detail.get("root") == root:
            return CONFIRMED
        reason = f"{reason} Confirm only if all documents known from there shall be deleted."
        raise stopped_error([self._catalog.sources.stop(*names, kind, reason, {"root": root})])

    def _spend_stops(self, state: SweepState, *, root_is_back: bool) -> int:
        """Return the newest stop of the root that is done with: a confirmation counts once, and never for later."""
        names = self._collection.name, self._source.name
        if root_is_back:
            for stop in self._catalog.sources.stopped(*names):
                if stop.kind in _ROOT_STOPS:
                    self._catalog.sources.confirm(stop.id, by="its root is back", limits=self._limits)
        confirmed = [self._catalog.sources.confirmed(*names, kind) for kind in _ROOT_STOPS]
        return max(state.spent_stop, *(stop.id for stop in confirmed if stop is not None), 0)

    def _knows_anything(self) -> bool:
        names = self._collection.name, self._source.name
        return bool(self._catalog.sources.known(*names, after_key="", through_key=None, limit=1))


def globs_fingerprint(source: BucketSource) -> str:
    """Return what changes when the source's globs do."""
    return fingerprint([sorted(source.include), sorted(source.exclude), sorted(source.ignore), source.sidecar_suffix])


def stopped_error(stops: list[Stop]) -> SourceStopped:
    """Return the error that says why sources wait and what the person does."""
    reasons = "; ".join(f"source {stop.source!r} of {stop.collection!r} stopped: {stop.reason}" for stop in stops)
    commands = " or ".join(f"`rag sources confirm {stop.collection} {stop.source}`" for stop in stops)
    return SourceStopped(
        f"{reasons}.".replace("..", "."), remedy=f"Put back what is missing, or let it through: {commands}."
    )
