"""One file: its bytes checked and stored as they come, then recorded. Called from worker threads, one call at a time.

1. The first bytes say what the file is; a kind that no parser reads is refused before anything is stored.
2. Bytes go where nobody sees them, no further than the limit. A crash here leaves no object and no arrival.
3. The whole object becomes visible in one step, durable first. A crash here leaves an object that the next sweep
   records, once.
4. It is recorded, in the transaction that holds the key's turn: of two equal uploads at once one finds the other's.
"""

import hashlib
import tempfile
from pathlib import Path
from uuid import UUID

from query_api.uploading.declared import Target
from query_api.uploading.naming import checked_name, key_of
from query_api.uploading.refusals import UploadRefused, too_large
from rag_core.arrivals import Observation, Presence
from rag_core.errors import DocumentRejected, SourceChanged
from rag_core.objects import ObjectInfo, announced_version, sidecar_key
from resources.clients.catalog import Catalog
from resources.clients.catalog.uploads import LastUpload, Upload
from resources.clients.object_store import ObjectStore, RootMissing, location_of
from resources.clients.object_store.incoming import Incoming

HEAD_BYTES = 64 * 1024
"""Enough to tell every kind that parsers read, but an office file that writes its table of contents last."""

_PACKAGES = (".docx", ".pptx", ".xlsx", ".odt", ".ods", ".odp", ".epub")


class ReceivedFile:
    """One file of a request on its way into the collection's source; ``stores``: false only hashes and checks it."""

    def __init__(
        self,
        target: Target,
        catalog: Catalog,
        *,
        uploader: str,
        given_name: str,
        stated_type: str,
        stores: bool,
        traceparent: str,
    ) -> None:
        self.name = checked_name(given_name)
        self.size_bytes = 0
        self._target = target
        self._catalog = catalog
        self._uploader = uploader
        self._stated_type = stated_type
        self._stores = stores
        self._traceparent = traceparent
        self._key = key_of(target.uploads, target.source, uploader, self.name)
        self._hash = hashlib.sha256()
        self._head = b""
        self._media_type = ""
        self._incoming: Incoming | None = None

    @property
    def sha256(self) -> str:
        """The hash of the bytes so far."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        """Take bytes; raises ``UploadRefused`` (413, 415) and what the store raises."""
        self.size_bytes += len(data)
        if self.size_bytes > self._target.collection.upload_bytes:
            raise too_large(self.name, self._target.collection.upload_bytes)
        self._hash.update(data)
        if self._incoming is not None:
            self._incoming.write(data)
            return
        self._head += data
        if len(self._head) >= HEAD_BYTES:
            self._begin()

    def whole(self) -> None:
        """Say that no bytes come any more; raises ``UploadRefused`` (415, 422)."""
        if self.size_bytes == 0:
            raise UploadRefused(422, f"The file {self.name!r} is empty.", remedy="Send a file that has content.")
        if self._incoming is None and self._head:
            self._begin()

    def record(self) -> UUID:
        """Make the object visible and record it; return its job. See the module's numbered steps."""
        if self._incoming is None:
            raise ValueError("the file is not whole")
        store, source = self._target.store, self._target.source
        with self._catalog.uploads.turn(self._target.collection.name, source.name, self._key) as turn:
            there = store.head(self._key)
            if there is not None and self._is_same(store, there, turn.last()):
                self._incoming.drop()
            else:
                there = self._incoming.keep()
            seen = Observation(
                key=self._key,
                uri=store.uri(self._key),
                presence=Presence.PRESENT,
                announced=announced_version(there, self._sidecar()),
                size_bytes=there.size_bytes,
                traceparent=self._traceparent,
            )
            upload = Upload(
                uploader=self._uploader,
                name=self.name,
                sha256=self.sha256,
                media_type=self._media_type,
                size_bytes=self.size_bytes,
            )
            return turn.record(seen, upload, limits=self._target.limits)

    def drop(self) -> None:
        """Leave nothing behind."""
        if self._incoming is not None:
            self._incoming.drop()

    def _begin(self) -> None:
        head, self._head = self._head, b""
        is_whole = len(head) <= HEAD_BYTES
        self._media_type = _media_type(head[:HEAD_BYTES], name=self.name, stated=self._stated_type, is_whole=is_whole)
        if self._stores:
            self._incoming = _incoming(self._target, self._catalog, self._key)
            self._incoming.write(head)
        else:
            self._incoming = _Nowhere()

    def _is_same(self, store: ObjectStore, there: ObjectInfo, last: LastUpload | None) -> bool:
        """Say whether the object that is there has these bytes: as this upload left it, or by reading it."""
        if there.size_bytes != self.size_bytes:
            return False
        if last is not None and last.announced == announced_version(there, self._sidecar()):
            return last.sha256 == self.sha256
        return _sha256_of(store, there) == self.sha256

    def _sidecar(self) -> ObjectInfo | None:
        name = sidecar_key(self._key, self._target.source.sidecar_suffix)
        return None if name is None else self._target.store.head(name)


class _Nowhere:
    """Takes bytes that are only compared, never stored."""

    def write(self, data: bytes) -> None:
        del data

    def keep(self) -> ObjectInfo:
        raise ValueError("these bytes are not stored")

    def drop(self) -> None:
        pass


def _incoming(target: Target, catalog: Catalog, key: str) -> Incoming:
    """Begin to receive; as for a sweep, a folder that may be created is made where nothing is known of it."""
    try:
        return target.store.incoming(key, folder=target.uploads.prefix)
    except RootMissing:
        location = location_of(target.source, target.base_dir)
        names = target.collection.name, target.source.name
        is_known = bool(catalog.sources.known(*names, after_key="", through_key=None, limit=1))
        if not target.source.create or not isinstance(location, Path) or is_known:
            raise
        location.mkdir(parents=True, exist_ok=True)
        return target.store.incoming(key, folder=target.uploads.prefix)


def _media_type(head: bytes, *, name: str, stated: str, is_whole: bool) -> str:
    """Return what the first bytes are; raises ``UploadRefused`` (415) for what no parser here reads.

    A package whose first bytes do not say which it is goes by its name: its parser sees all of it.
    """
    from resources.clients.parsing.media_types import Claims, media_type_of

    try:
        return media_type_of(head, Claims(name=name, media_type=stated or None))
    except DocumentRejected as rejected:
        if not is_whole and head.startswith(b"PK\x03\x04") and name.lower().endswith(_PACKAGES):
            return "application/zip"
        raise UploadRefused(415, f"{name!r} cannot be read here: {rejected.message}", remedy=rejected.remedy) from None


def _sha256_of(store: ObjectStore, there: ObjectInfo) -> str:
    """Return the hash of a stored object, empty where it changed meanwhile."""
    with tempfile.TemporaryDirectory(prefix="rag-upload-") as folder:
        copy = Path(folder) / "object"
        try:
            store.download(there.key, copy, expected=there, max_bytes=there.size_bytes)
        except SourceChanged:
            return ""
        with copy.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
