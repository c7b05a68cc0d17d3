"""A bucket, or a prefix of one, as an object store, by obstore.

Two ways of listing. ``flat`` pages through the whole prefix and needs a store that lists in bytewise order and resumes
after a key, as AWS, Ceph and MinIO do. ``folders`` lists folder by folder and sorts itself; it is right on every store,
also on those that keep folders inside (SeaweedFS lists ``a/b`` before ``a b``, and resuming after ``a`` skips
``a/…``), for one request a folder and one folder's entries in memory.
"""

# Its overloads name arro3's types, which are not installed:
# pyright: reportUnknownMemberType=false
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal
from urllib.parse import quote

from rag_core.errors import ConfigurationError, DocumentRejected, InvalidRequest, QuarantineKind, SourceChanged
from rag_core.objects import MAX_KEY_BYTES, ListedPage, ObjectInfo, Unreadable, is_addressable
from resources.clients.aws.s3_credentials import s3_credentials
from resources.clients.object_store.incoming import SpooledIncoming
from resources.clients.object_store.local_files import receiving
from resources.clients.object_store.s3_errors import ObjectGone, translating
from resources.clients.object_store.s3_tags import S3Tags
from resources.clients.object_store.sorted_walk import Entry, Level, in_pages, sorted_walk

if TYPE_CHECKING:
    from obstore import GetResult, ObjectMeta
    from obstore.store import S3Store

_READ_BYTES = 1024 * 1024
_STANDARD_ATTRIBUTES = {
    "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Cache-Control", "Storage-Class",
}  # fmt: skip


class S3ObjectStore:
    """The objects below ``s3://bucket/prefix/``; keys are relative to the prefix."""

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str,
        listing: Literal["flat", "folders"],
        connection: Mapping[str, object],
        tags: S3Tags,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._root_uri = f"s3://{bucket}/{quote(prefix)}/" if prefix else f"s3://{bucket}/"
        self._bucket, self._prefix = bucket, prefix
        self._listing = listing
        self._connection = connection
        self._environ = os.environ if environ is None else environ
        self._tags = tags
        self._opened: S3Store | None = None

    @property
    def root_uri(self) -> str:
        """The prefix's ``s3://`` URI, ending in a slash."""
        return self._root_uri

    def uri(self, key: str) -> str:
        """Return the ``s3://`` URI of a key."""
        return self._root_uri + quote(key)

    def probe(self) -> None:
        """List one object to see that the bucket answers and may be listed."""
        import obstore

        with translating(self._root_uri, doing=f"look at {self._root_uri}"):
            next(iter(obstore.list(self._store, chunk_size=1)), None)

    def pages(self, after_key: str, *, page_size: int) -> Iterator[ListedPage]:
        """Yield the objects in bytewise order of their keys; the markers of empty folders are none."""
        if self._listing == "flat":
            return self._flat_pages(after_key, page_size)
        walk = sorted_walk(self._level, after_key)
        return in_pages(walk, lambda entry: entry.info, after_key=after_key, page_size=page_size)

    def list_page(self, after_key: str, limit: int) -> ListedPage:
        """Return the first ``limit`` objects after a key."""
        return next(self.pages(after_key, page_size=limit))

    def head(self, key: str) -> ObjectInfo | None:
        """Look at one object, user metadata included; None when it is gone and the bucket is there."""
        try:
            return _info_of(key, self._get(key, {"head": True}))
        except ObjectGone:
            return None

    def tags(self, key: str) -> Mapping[str, str]:
        """Return an object's tags; see the port."""
        self._check(key)
        return self._tags.of(self._full(key), uri=self.uri(key), probe=self.probe)

    def download(self, key: str, to: Path, *, expected: ObjectInfo, max_bytes: int) -> ObjectInfo:
        """Stream the object with If-Match into a file; see the port."""
        with receiving(to) as write:
            read: ObjectInfo | None = None
            for described, chunk in self._read(key, {"if_match": expected.etag}, max_bytes):
                read = described
                write(chunk)
        if read is None:
            raise SourceChanged(f"{self.uri(key)} is gone.")
        return read

    def read_small(self, key: str, max_bytes: int) -> tuple[ObjectInfo, bytes] | None:
        """Return a small object with its description; see the port."""
        read = list(self._read(key, {}, max_bytes))
        return (read[0][0], b"".join(chunk for _, chunk in read)) if read else None

    def put(self, key: str, path: Path) -> ObjectInfo:
        """Upload a file (in parts when large)."""
        return self._put(key, path)

    def incoming(self, key: str, *, folder: str) -> SpooledIncoming:
        """Begin to receive an object into a temporary file; nothing is sent before it is whole."""
        del folder
        self._check(key)
        return SpooledIncoming(send=lambda content: self._put(key, content))

    def remove_abandoned(self, folder: str) -> int:
        """Find nothing: an unnamed temporary file ends with its process."""
        del folder
        return 0

    def _put(self, key: str, content: Path | IO[bytes]) -> ObjectInfo:
        import obstore

        self._check(key)
        with translating(self._root_uri, doing=f"write {self.uri(key)}", probe=self.probe):
            obstore.put(self._store, key, content)
        info = self.head(key)
        if info is None:
            raise SourceChanged(f"{self.uri(key)} was removed at once.")
        return info

    def delete(self, key: str) -> None:
        """Remove an object."""
        import obstore

        self._check(key)
        try:
            with translating(self._root_uri, doing=f"delete {self.uri(key)}", probe=self.probe):
                obstore.delete(self._store, key)
        except ObjectGone:
            return

    @property
    def _store(self) -> "S3Store":
        """The obstore client, made at first use: it is a second's work for a process that may not need it."""
        if self._opened is None:
            from obstore.exceptions import BaseError
            from obstore.store import S3Store

            try:
                self._opened = S3Store(
                    self._bucket,
                    prefix=self._prefix or None,
                    retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=15)},
                    **{**s3_credentials(self._environ), **self._connection},  # pyright: ignore[reportArgumentType] - obstore checks names and values
                )
            except (BaseError, ValueError, TypeError) as error:
                raise ConfigurationError(
                    f"Cannot open {self._root_uri}: {str(error).splitlines()[0]}",
                    remedy="Check the source's url and the AWS_* variables.",
                ) from error
        return self._opened

    def _flat_pages(self, after_key: str, page_size: int) -> Iterator[ListedPage]:
        import obstore

        through = after_key
        chunks = iter(obstore.list(self._store, offset=after_key or None, chunk_size=page_size))
        while True:
            with translating(self._root_uri, doing=f"list {self._root_uri}"):
                chunk = next(chunks, None)
            if chunk is None:
                break
            objects: list[ObjectInfo] = []
            for meta in chunk:
                if meta["path"] > through:
                    through = meta["path"]
                    info = self._unless_marker(_listed(meta))
                    if info is not None:
                        objects.append(info)
                elif meta["size"] > 0:
                    raise ConfigurationError(
                        f"{self._root_uri} does not list in bytewise order ({meta['path']!r} after {through!r}).",
                        remedy="Set `listing: folders` for this source.",
                    )
            yield ListedPage(objects=tuple(objects), through=through, complete=False)
        yield ListedPage(objects=(), through=through, complete=True)

    def _level(self, prefix: str) -> Level:
        """List one folder; one that holds a name that cannot be read is reported, unless it is the root."""
        import obstore

        try:
            with translating(self._root_uri, doing=f"list {self.uri(prefix)}"):
                found = obstore.list_with_delimiter(self._store, prefix or None)
        except InvalidRequest as error:
            if not prefix:
                raise
            return Level(entries=(), unreadable=(Unreadable(prefix=prefix, name=prefix, reason=error.message),))
        folder = prefix.rstrip("/")
        infos = (self._unless_marker(_listed(meta)) for meta in found["objects"] if meta["path"] != folder)
        files = [Entry(key=info.key, info=info) for info in infos if info is not None]
        return Level(entries=[*files, *(Entry(key=f"{each}/") for each in found["common_prefixes"])])

    def _unless_marker(self, info: ObjectInfo) -> ObjectInfo | None:
        """Tell an empty object from a folder's marker, ``name/``, which obstore lists without its slash."""
        return info if info.size_bytes > 0 else self.head(info.key)

    def _read(self, key: str, options: dict[str, str], max_bytes: int) -> Iterator[tuple[ObjectInfo, bytes]]:
        """Yield the object's bytes with its description, at least once for an empty object and never for a gone one."""
        try:
            result = self._get(key, options)
        except ObjectGone:
            return
        info = _info_of(key, result)
        if info.size_bytes > max_bytes:
            raise DocumentRejected(
                QuarantineKind.TOO_LARGE,
                f"{self.uri(key)} has {info.size_bytes} bytes, the limit is {max_bytes}.",
                remedy="Split the document or raise limits.max_document_bytes of the collection.",
            )
        yield info, b""
        chunks = iter(result.stream(min_chunk_size=_READ_BYTES))
        received = 0
        while True:
            with translating(self._root_uri, doing=f"read {self.uri(key)}", probe=self.probe):
                chunk = next(chunks, None)
            if chunk is None:
                break
            received += len(chunk)
            yield info, bytes(chunk)
        if received != info.size_bytes:
            raise SourceChanged(f"{self.uri(key)} ended after {received} of {info.size_bytes} bytes.")

    def _get(self, key: str, options: Mapping[str, object]) -> "GetResult":
        import obstore

        self._check(key)
        # A key fits below the root, but AWS refuses (KeyTooLongError; a HEAD says only 400) one that prefix and all is
        # over the limit; other stores say that it is not there.
        is_too_long = len(self._full(key).encode()) > MAX_KEY_BYTES
        doing = f"read {self.uri(key)}"
        with translating(self._root_uri, doing=doing, probe=self.probe, refused_is_gone=is_too_long):
            return obstore.get(self._store, key, options=options)  # pyright: ignore[reportArgumentType] - GetOptions

    def _full(self, key: str) -> str:
        """Return the key within the bucket."""
        return f"{self._prefix}/{key}" if self._prefix else key

    def _check(self, key: str) -> None:
        if not is_addressable(key):
            raise InvalidRequest(f"{key!r} does not name an object below {self._root_uri}.")


def _listed(meta: "ObjectMeta") -> ObjectInfo:
    return ObjectInfo(
        key=meta["path"],
        etag=meta["e_tag"] or "",
        version_id=meta["version"],
        size_bytes=meta["size"],
        modified_at=meta["last_modified"].astimezone(UTC),
    )


def _info_of(key: str, result: "GetResult") -> ObjectInfo:
    meta = result.meta
    metadata = {str(name): str(value) for name, value in result.attributes.items() if name not in _STANDARD_ATTRIBUTES}
    return ObjectInfo(
        key=key,
        etag=meta["e_tag"] or "",
        version_id=meta["version"],
        size_bytes=meta["size"],
        modified_at=meta["last_modified"].astimezone(UTC),
        user_metadata=metadata,
    )
