"""A catalog and a store in memory, small enough to be obviously right: sweeps are checked against them."""
# ruff: noqa: ARG002 - the model holds one source and takes the arguments of the catalog it stands for

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from rag_core.arrivals import Observation, Presence
from rag_core.identity import Json
from rag_core.objects import ListedPage, ObjectInfo
from resources.clients.catalog.values import (
    Concluded,
    KnownObject,
    PartitionLimits,
    Position,
    PositionChange,
    PositionMoved,
    Recorded,
    SafetyStop,
    Stop,
    StopKind,
    Sweep,
)

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class World:
    """A clock that every event moves, and what happens at it."""

    script: list[Callable[[], None]] = field(default_factory=list)
    now: int = 0

    def step(self) -> None:
        self.now += 1
        if self.script:
            self.script.pop(0)()

    def time(self) -> datetime:
        return _EPOCH + timedelta(seconds=self.now)


class MemoryStore:
    """Objects by key; ``absent_since`` remembers for how long each missing key has been missing."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.objects: dict[str, int] = {}
        self.last_seen_absent: dict[str, int] = {}
        self.root: str | None = "root-1"
        self.root_uri = "memory://root/"

    def put(self, key: str, version: int) -> None:
        if key not in self.objects:
            self.last_seen_absent[key] = self.world.now
        self.objects[key] = version

    def remove(self, key: str) -> None:
        self.objects.pop(key, None)

    def was_absent_since(self, key: str, moment: int) -> bool:
        return key not in self.objects or self.last_seen_absent.get(key, -1) >= moment

    def uri(self, key: str) -> str:
        return self.root_uri + key

    def probe(self) -> str | None:
        return self.root

    def head(self, key: str) -> ObjectInfo | None:
        return self._info(key) if key in self.objects else None

    def pages(self, after_key: str, *, page_size: int) -> Iterator[ListedPage]:
        while True:
            self.world.step()
            keys = sorted(key for key in self.objects if key > after_key)
            objects = tuple(self._info(key) for key in keys[:page_size])
            complete = len(keys) <= page_size
            after_key = objects[-1].key if objects else after_key
            yield ListedPage(objects=objects, through=after_key, complete=complete)

    def _info(self, key: str) -> ObjectInfo:
        etag = str(self.objects[key])
        return ObjectInfo(key=key, etag=etag, version_id=None, size_bytes=1, modified_at=_EPOCH)


@dataclass(frozen=True)
class Row:
    presence: Presence
    announced: str
    recorded_at: datetime


class MemoryCatalog:
    """The catalog's promises about recording and sources, for one source."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rows: dict[str, Row] = {}
        self.arrivals: list[tuple[str, Presence]] = []
        self.deleted: list[tuple[str, int]] = []
        self.stops: list[Stop] = []
        self.done_stops: list[Stop] = []
        self.bookmark = Position(value={}, version=0)
        self.sweep: Sweep | None = None
        self.sweep_began = 0
        self.candidates: set[str] = set()
        self.recording = self.sources = self

    def record(
        self,
        collection: str,
        source: str,
        observations: Sequence[Observation],
        *,
        limits: PartitionLimits,
        position: PositionChange | None = None,
        sweep_id: UUID | None = None,
        missing: Sequence[str] = (),
    ) -> Recorded:
        self._move(position)
        if sweep_id is not None:
            assert self.sweep is not None
            assert self.sweep.id == sweep_id
            self.candidates |= set(missing)
        new = sum(self._observe(each.key, each.presence, each.announced) for each in observations)
        return Recorded(new=new, same=len(observations) - new)

    def position(self, collection: str, source: str) -> Position:
        return self.bookmark

    def known(
        self, collection: str, source: str, *, after_key: str, through_key: str | None, limit: int
    ) -> list[KnownObject]:
        self.world.step()
        rows = sorted(
            (key, row)
            for key, row in self.rows.items()
            if key > after_key and (through_key is None or key <= through_key) and row.presence is Presence.PRESENT
        )
        return [
            KnownObject(key=key, presence=row.presence, announced=row.announced, recorded_at=row.recorded_at)
            for key, row in sorted(rows, key=lambda each: each[0])[:limit]
        ]

    def begin_sweep(self, collection: str, source: str) -> Sweep:
        self.world.now += 1
        self.sweep = Sweep(id=uuid4(), first_number=len(self.arrivals), started_at=self.world.time())
        self.sweep_began = self.world.now
        self.candidates = set()
        return self.sweep

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
        assert self.sweep is not None
        assert self.sweep.id == sweep_id
        self._move(position)
        present = [key for key, row in self.rows.items() if row.presence is Presence.PRESENT]
        gone = [key for key in present if key in self.candidates and self.rows[key].recorded_at < self.sweep.started_at]
        safety = safety or SafetyStop()
        if len(gone) >= safety.min_objects and len(gone) > safety.share * len(present):
            stop = self.stop(collection, source, StopKind.MASS_DELETION, f"{len(gone)} of {len(present)} gone", {})
            return Concluded(recorded=Recorded(new=0, same=0), candidates=len(gone), stop=stop)
        lifted = self.stops.pop() if self.stops else None
        for key in gone:
            self._observe(key, Presence.GONE, "")
            self.deleted.append((key, self.sweep_began))
        return Concluded(recorded=Recorded(new=len(gone), same=0), candidates=len(gone), lifted=lifted)

    def stop(self, collection: str, source: str, kind: StopKind, reason: str, detail: Mapping[str, Json]) -> Stop:
        if not self.stops:
            number = len(self.done_stops) + 1
            made = Stop(
                id=number, collection=collection, source=source, kind=kind, reason=reason, detail=detail,
                stopped_at=self.world.time(),
            )  # fmt: skip
            self.stops.append(made)
        return self.stops[0]

    def stopped(self, collection: str, source: str | None = None) -> list[Stop]:
        return list(self.stops)

    def confirm(self, stop_id: int, *, by: str, limits: PartitionLimits) -> Recorded:
        self.done_stops += [stop for stop in self.stops if stop.id == stop_id]
        self.stops = [stop for stop in self.stops if stop.id != stop_id]
        return Recorded(new=0, same=0)

    def confirmed(self, collection: str, source: str, kind: StopKind) -> Stop | None:
        return next((stop for stop in reversed(self.done_stops) if stop.kind is kind), None)

    def declared(self, collection: str, sources: Mapping[str, str]) -> list[Stop]:
        return list(self.stops)

    def _move(self, position: PositionChange | None) -> None:
        self.world.now += 1
        if position is None:
            return
        if position.expected_version != self.bookmark.version:
            raise PositionMoved("moved")
        self.bookmark = Position(value=position.value, version=self.bookmark.version + 1)

    def _observe(self, key: str, presence: Presence, announced: str) -> bool:
        row = self.rows.get(key)
        if row is not None and (row.presence, row.announced) == (presence, announced):
            return False
        self.rows[key] = Row(presence, announced, self.world.time())
        self.arrivals.append((key, presence))
        return True


def memory_sweep(world: World, store: MemoryStore, catalog: MemoryCatalog, *, keys_per_tick: int, page_keys: int):
    """Return a real ``SourceSweep`` over the model, due at once whenever it is asked."""
    from rag_core.collection import BucketSource, Collection
    from rag_core.collection import Sweep as Declared
    from sensors.sweep import SourceSweep

    pace = Declared().model_copy(update={"max_keys_per_tick": keys_per_tick, "interval_s": -1e9})
    source = BucketSource(name="memory", url="s3://memory").model_copy(update={"sweep": pace})
    collection = Collection(name="model", sources=(source,))
    return SourceSweep(
        collection=collection, source=source, base_dir=Path("/"), store=store, catalog=catalog, page_keys=page_keys
    )  # pyright: ignore[reportArgumentType] - the model has the methods that the sweep uses
