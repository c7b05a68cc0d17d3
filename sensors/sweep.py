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

import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rag_core.arrivals import Observation, Presence
from rag_core.collection import BucketSource, Collection
from rag_core.sweeping import CONFIRMED, USUAL, PagePlan, Safety, Sweeping, SweepState, advanced, finished, safety_of
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import PartitionLimits, PositionChange, PositionMoved, SafetyStop
from resources.clients.object_store import ObjectStore
from sensors.comparing import Comparing
from sensors.declared_sources import declared_sources
from sensors.source_root import SourceRoot
from sensors.sweep_tick import SweepTick, TickEnd, lifted_note

PAGE_KEYS = 1000

_log = logging.getLogger("rag.sensors")


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
        self._store = store
        self._catalog = catalog
        self._limits = PartitionLimits(size=collection.partition_size, bytes=collection.partition_bytes)
        self._root = SourceRoot(
            collection=collection, source=source, base_dir=base_dir, store=store, catalog=catalog, limits=self._limits
        )
        self._comparing = Comparing(
            collection=collection, source=source, store=store, catalog=catalog, page_keys=page_keys
        )

    def tick(self) -> SweepTick:
        """Sweep for the source's ``max_s_per_tick`` at most; raises what the store and the catalog raise.

        ``stops`` are those of this source: one that is declared no more is shown where stops are, and in no tick.
        """
        self._catalog.sources.declared(self._collection.name, declared_sources(self._collection))
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
        return replace(tick, stops=tuple(self._catalog.sources.stopped(self._collection.name, self._source.name)))

    def _sweep(self, state: SweepState, version: int) -> SweepTick:
        root, safety = self._root.look(state)
        is_emptying = safety is CONFIRMED
        running = state.running
        if running is None or running.is_emptying != is_emptying:
            begun = self._catalog.sources.begin_sweep(self._collection.name, self._source.name)
            running = Sweeping(sweep_id=begun.id, began_at=begun.started_at, is_emptying=is_emptying)
        began_looked_at, recorded = running.looked_at, 0
        is_kept = False
        for plan, unreadable in self._comparing.plans(running):
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
        state = replace(state, spent_stop=self._root.spend_stops(state, root_is_back=running.looked_at > 0))
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
            saw_all=not running.unreadable,
        )
        if concluded.lifted is not None:
            _log.warning("%s: %s", self._collection.name, lifted_note(concluded.lifted))
        return SweepTick(
            source=self._source.name,
            end=TickEnd.COMPLETE,
            looked_at=running.looked_at - before,
            recorded=recorded,
            deleted=concluded.recorded.new,
            unreadable=running.unreadable,
            due_at=done.due_at(self._source.sweep.interval_s),
            lifted=concluded.lifted,
        )
