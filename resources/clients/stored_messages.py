"""A stream as a store that runs read: its objects are the newest message of each key, kept in the catalog.

So what holds for files and buckets holds for messages: what counts is what is there when it is read, it is looked at
again under the lock, and a key that is gone is deleted.
"""

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from rag_core.errors import DocumentRejected, QuarantineKind, SourceChanged
from rag_core.objects import ObjectInfo
from resources.clients.catalog import Catalog
from resources.clients.object_store.local_files import receiving


class MessageStore:
    """The newest messages of one stream of one collection; keys are ``TOPIC/ID``."""

    def __init__(self, catalog: Catalog, *, collection: str, stream: str, cluster: str) -> None:
        self._catalog = catalog
        self._collection = collection
        self._stream = stream
        self._cluster = cluster

    @property
    def root_uri(self) -> str:
        """The cluster's URI."""
        return f"kafka://{self._cluster}/"

    def uri(self, key: str) -> str:
        """Return the ``kafka://CLUSTER/TOPIC/ID`` URI of a key."""
        return self.root_uri + quote(key)

    def head(self, key: str) -> ObjectInfo | None:
        """Look at a key's newest message; None where it is gone. ``version_id`` is its place in the topic."""
        held = self._catalog.messages.held(self._collection, self._stream, key)
        if held is None:
            return None
        return ObjectInfo(
            key=key,
            etag=held.etag,
            version_id=f"{held.topic}/{held.place.announced}",
            size_bytes=held.size_bytes,
            modified_at=datetime.fromtimestamp(max(held.place.timestamp_ms, 0) / 1000, UTC),
            media_type=held.media_type or None,
            details=held.details or None,
        )

    def tags(self, key: str) -> dict[str, str]:
        """Return none: what a message says of its document is in its details."""
        del key
        return {}

    def download(self, key: str, to: Path, *, expected: ObjectInfo, max_bytes: int) -> ObjectInfo:
        """Write the message's bytes to ``to`` if it still is the key's newest; see the port."""
        if expected.size_bytes > max_bytes:
            raise DocumentRejected(
                QuarantineKind.TOO_LARGE,
                f"{self.uri(key)} has {expected.size_bytes} bytes, the limit is {max_bytes}.",
                remedy="Send a smaller document, or raise limits.max_document_bytes of the collection.",
            )
        body = self._catalog.messages.body(self._collection, self._stream, key, etag=expected.etag)
        if body is None:
            raise SourceChanged(f"{self.uri(key)} changed since it was looked at.")
        with receiving(to) as write:
            write(body)
        return expected

    def read_small(self, key: str, max_bytes: int) -> tuple[ObjectInfo, bytes] | None:
        """Return nothing: a stream has no sidecars."""
        del key, max_bytes
