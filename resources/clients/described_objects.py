"""A folder or bucket as a store that runs read, with what messages say of its objects."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rag_core.objects import ObjectInfo
from resources.clients.catalog import Catalog
from resources.clients.object_store import ReadableStore


class DescribedStore:
    """One source's store; a look at an object brings what the newest message says of it."""

    def __init__(self, store: ReadableStore, catalog: Catalog, *, collection: str, source: str) -> None:
        self._store = store
        self._catalog = catalog
        self._collection = collection
        self._source = source

    @property
    def root_uri(self) -> str:
        """The store's root."""
        return self._store.root_uri

    def uri(self, key: str) -> str:
        """Return the store's URI of a key."""
        return self._store.uri(key)

    def head(self, key: str) -> ObjectInfo | None:
        """Look at an object, and at what is said of it."""
        info = self._store.head(key)
        if info is None:
            return None
        return replace(info, description=self._catalog.descriptions.of(self._collection, self._source, key))

    def tags(self, key: str) -> Mapping[str, str]:
        """Return the object's tags."""
        return self._store.tags(key)

    def download(self, key: str, to: Path, *, expected: ObjectInfo, max_bytes: int) -> ObjectInfo:
        """Write the object's bytes to ``to``; see the port."""
        return self._store.download(key, to, expected=expected, max_bytes=max_bytes)

    def read_small(self, key: str, max_bytes: int) -> tuple[ObjectInfo, bytes] | None:
        """Return a small object, such as a sidecar."""
        return self._store.read_small(key, max_bytes)
