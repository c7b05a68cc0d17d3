"""From "something happened at this path" to a recorded observation, for one watched folder. No Dagster, no waiting.

What a watch reports is a hint. A file is looked at until two looks, some time apart, find the same; only then it is
recorded, without the source's position: the sweep owns that. A deletion is recorded as a hint to look again, and only a
few of them: many at once are left to the sweep, which stops before it deletes too much.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from rag_core.arrivals import Observation, Presence
from rag_core.collection import BucketSource, Collection, selects
from rag_core.errors import DocumentUnavailable, InvalidRequest
from rag_core.objects import announced_version, is_addressable, sidecar_key
from rag_core.sweeping import USUAL, just_before
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import KnownObject, PartitionLimits
from resources.clients.object_store import ObjectStore
from sensors.few_deletions import FewDeletions

SETTLE_S = 0.1
SETTLE_LARGE_S = 0.5
LARGE_BYTES = 1024 * 1024
"""A large file takes longer to be written, with pauses between its pieces."""

MAX_PENDING = 50_000
_BATCH = 500


@dataclass(slots=True, kw_only=True)
class _Pending:
    """What the last look saw: None is gone, empty is not looked at yet."""

    announced: str | None
    size_bytes: int = 0
    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What one call of ``record_settled`` did."""

    new: int = 0
    same: int = 0
    gone: int = 0
    left_to_sweep: int = 0


class FolderObserver:
    """Collects hints about one folder source and records what has settled; every call says what time it is."""

    def __init__(
        self, *, collection: Collection, source: BucketSource, root: Path, store: ObjectStore, catalog: Catalog
    ) -> None:
        self.collection = collection
        self.source = source
        self.root = root
        self._store = store
        self._catalog = catalog
        self._limits = PartitionLimits(size=collection.partition_size, bytes=collection.partition_bytes)
        self._pending: dict[str, _Pending] = {}
        self._deletions = FewDeletions()

    @property
    def pending(self) -> int:
        """How many hints wait for their file to settle."""
        return len(self._pending)

    def hint(self, path: str, now_s: float) -> None:
        """Remember that something happened at an absolute path; a folder stands for all that is in it."""
        relative = os.path.relpath(path, self.root)
        if relative == os.curdir or relative.startswith(os.pardir):
            return
        if Path(path).is_dir() and not Path(path).is_symlink():
            self._hint_below(path, now_s)
        else:
            self._hint_key(relative, now_s)
            self._hint_known_below(relative, now_s)

    def hint_everything(self, now_s: float) -> None:
        """Remember every file of the folder, as for one that has just appeared."""
        self._hint_below(str(self.root), now_s)

    def record_settled(self, now_s: float) -> Observed:
        """Record what has not changed for ``SETTLE_S``; raises what the catalog and the store raise, losing no hint."""
        settled = [key for key, pending in list(self._pending.items()) if self._is_settled(key, pending, now_s)][
            :_BATCH
        ]
        present = [
            self._observation(key, Presence.PRESENT) for key in settled if self._pending[key].announced is not None
        ]
        missing = [key for key in settled if self._pending[key].announced is None and self._is_known(key)]
        gone = [self._observation(key, Presence.GONE) for key in missing[: self._deletions.left(now_s)]]
        new = same = 0
        if present or gone:
            names = self.collection.name, self.source.name
            recorded = self._catalog.recording.record(*names, [*present, *gone], limits=self._limits)
            new, same = recorded.new, recorded.same
            self._deletions.spend(len(gone), now_s)
        for key in settled:
            del self._pending[key]
        return Observed(new=new, same=same, gone=len(gone), left_to_sweep=len(missing) - len(gone))

    def _hint_key(self, key: str, now_s: float) -> None:
        suffix = self.source.sidecar_suffix
        if suffix is not None and key.endswith(suffix):
            key = key.removesuffix(suffix)
        if is_addressable(key) and selects(self.source, key) and len(self._pending) < MAX_PENDING:
            self._pending[key] = _Pending(announced="", since_s=now_s)

    def _hint_below(self, path: str, now_s: float) -> None:
        for folder, _, names in os.walk(path):
            for name in names:
                self._hint_key(os.path.relpath(Path(folder) / name, self.root), now_s)

    def _hint_known_below(self, prefix: str, now_s: float) -> None:
        """Take a path that is gone for a folder too: its files vanish without an event of their own."""
        if is_addressable(prefix) and not os.path.lexists(self.root / prefix):
            for row in self._known(after_key=f"{prefix}/", through_key=f"{prefix}0"):
                self._hint_key(row.key, now_s)

    def _is_settled(self, key: str, pending: _Pending, now_s: float) -> bool:
        """Look again; what differs from the last look begins to settle anew."""
        try:
            info = self._store.head(key)
            name = sidecar_key(key, self.source.sidecar_suffix)
            sidecar = self._store.head(name) if name is not None and info is not None else None
        except (DocumentUnavailable, InvalidRequest):
            del self._pending[key]  # the sweep lists it, and reading it will say what is wrong
            return False
        announced = None if info is None else announced_version(info, sidecar)
        if announced != pending.announced:
            pending.announced, pending.since_s = announced, now_s
            pending.size_bytes = 0 if info is None else info.size_bytes
            return False
        return now_s - pending.since_s >= (SETTLE_S if pending.size_bytes < LARGE_BYTES else SETTLE_LARGE_S)

    def _observation(self, key: str, presence: Presence) -> Observation:
        pending = self._pending[key]
        return Observation(
            key=key,
            uri=self._store.uri(key),
            presence=presence,
            announced=pending.announced or "",
            size_bytes=pending.size_bytes,
        )

    def _is_known(self, key: str) -> bool:
        return any(row.key == key for row in self._known(after_key=just_before(key), through_key=key))

    def _known(self, *, after_key: str, through_key: str) -> list[KnownObject]:
        names = self.collection.name, self.source.name
        return self._catalog.sources.known(
            *names, after_key=after_key, through_key=through_key, limit=USUAL.min_objects
        )
