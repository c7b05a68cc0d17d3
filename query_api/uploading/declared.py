"""Which collections take uploads, and where they put them; read from the collection files, again when one changes."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from query_api.uploading.refusals import UploadRefused
from rag_core.callers import Caller, Scope
from rag_core.collection import BucketSource, Collection, Uploads
from resources.clients.catalog.values import PartitionLimits
from resources.clients.collection_files import LoadedCollection, usable_collections
from resources.clients.object_store import ObjectStore, open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a collection's uploads go."""

    collection: Collection
    uploads: Uploads
    source: BucketSource
    base_dir: Path
    store: ObjectStore

    @property
    def limits(self) -> PartitionLimits:
        """What a block of the collection holds at most."""
        return PartitionLimits(size=self.collection.partition_size, bytes=self.collection.partition_bytes)


class Targets:
    """The targets of one folder of collection files; opening one removes what dead processes left half received."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._stamp: list[tuple[str, int, int]] | None = None
        self._targets: dict[str, Target] = {}

    def of(self, collection: str | None, caller: Caller) -> Target:
        """Return a collection's target, or the only one the caller has; raises ``UploadRefused`` (404, 422).

        A collection that the caller may not send files to is one that takes none.
        """
        targets = self._of(caller)
        if collection is None and len(targets) == 1:
            return next(iter(targets.values()))
        names = ", ".join(sorted(targets)) or "none"
        if collection is None:
            raise UploadRefused(
                422,
                "The request does not say which collection the files are for.",
                remedy=f"Add ?collection=NAME, or a form field `collection` before the files. Taking uploads: {names}.",
            )
        if collection not in targets:
            raise UploadRefused(
                404,
                f"There is no collection {collection[:64]!r} that takes uploads.",
                remedy=f"Taking uploads: {names}. A collection does once its file has `uploads: {{source: …}}`.",
            )
        return targets[collection]

    def max_request_bytes(self, caller: Caller) -> int:
        """Return the largest request that any of the caller's collections takes."""
        return max((target.uploads.max_request_bytes for target in self._of(caller).values()), default=0)

    def _of(self, caller: Caller) -> dict[str, Target]:
        return {name: target for name, target in self._current().items() if caller.may(Scope.INGEST, name)}

    def _current(self) -> dict[str, Target]:
        with self._lock:
            stamp = _stamp_of(self._folder)
            if stamp != self._stamp:
                loaded, _ = usable_collections(self._folder)
                found = (_target(each) for each in loaded)
                self._targets = {target.collection.name: target for target in found if target is not None}
                self._stamp = stamp
            return self._targets


def _target(loaded: LoadedCollection) -> Target | None:
    uploads = loaded.collection.uploads
    if uploads is None:
        return None
    source = loaded.collection.bucket(uploads.source)
    store = open_store(source, loaded.base_dir)
    store.remove_abandoned(uploads.prefix)
    return Target(collection=loaded.collection, uploads=uploads, source=source, base_dir=loaded.base_dir, store=store)


def _stamp_of(folder: Path) -> list[tuple[str, int, int]]:
    """Return what changes when a collection file does."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as found:
        stats = [(each.name, each.stat()) for each in found if each.name.endswith((".yaml", ".yml"))]
    return sorted((name, found.st_mtime_ns, found.st_size) for name, found in stats)
