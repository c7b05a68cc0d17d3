"""Where Parquet parts rest: a local folder or an ``s3://`` prefix behind the same four methods."""

import glob
import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from resources.clients.aws.s3_credentials import s3_credentials
from resources.clients.spool import spool
from resources.clients.store_answers import reason_of

MAX_RETRIES = 3
_READ_AHEAD_BYTES = 64 * 1024
_GIVEN = {
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
    "region": "AWS_REGION",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPart:
    """A file of the store as a listing shows it; one that ends in ``.tmp`` was never finished."""

    file: str
    bytes: int
    modified_at: datetime


class PartFolder(Protocol):
    """Where parts rest; all paths are relative, with ``/``."""

    def write(self, file: str, fill: Callable[[IO[bytes]], None]) -> int:
        """Make ``file`` durable with what ``fill`` writes, all of it or nothing; return its size in bytes."""
        ...

    def open(self, file: str) -> IO[bytes]:
        """Open a file for reading; raises ``FileNotFoundError``."""
        ...

    def delete(self, file: str) -> None:
        """Delete a file; one that is gone already is fine."""
        ...

    def list(self, folder: str) -> Iterator[StoredPart]:
        """Yield the files under a folder; a folder that is not there has none."""
        ...

    def delete_unfinished(self, file: str) -> None:
        """Delete what writes of ``file`` left that were killed; nobody may be writing it."""
        ...

    def is_empty(self) -> bool:
        """Say whether nothing at all lies there, of whatever name."""
        ...


class LocalFolder:
    """Parts in a local folder, which must exist: an empty mount must not look like a store without parts."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, file: str, fill: Callable[[IO[bytes]], None]) -> int:
        """Write beside the name, fsync, rename, fsync the folder: a crash leaves the whole file or none."""
        path = self._path(file)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            with self._create(temporary) as sink:
                fill(sink)
                sink.flush()
                os.fsync(sink.fileno())
                size = sink.tell()
            temporary.replace(path)
            self._sync_folders(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
        return size

    def open(self, file: str) -> IO[bytes]:
        """Open a file for reading."""
        return self._path(file).open("rb")

    def delete(self, file: str) -> None:
        """Delete a file and the folders that it leaves empty."""
        path = self._path(file)
        path.unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()
            path.parent.parent.rmdir()

    def list(self, folder: str) -> Iterator[StoredPart]:
        """Yield the files under a folder."""
        for path in self._path(folder).rglob("part-*"):
            with suppress(FileNotFoundError):
                state = path.stat()
                yield StoredPart(
                    file=path.relative_to(self._root).as_posix(),
                    bytes=state.st_size,
                    modified_at=datetime.fromtimestamp(state.st_mtime, UTC),
                )

    def delete_unfinished(self, file: str) -> None:
        """Delete the temporary files of killed writes."""
        path = self._path(file)
        for left in path.parent.glob(f"{glob.escape(path.name)}.*.tmp"):
            left.unlink(missing_ok=True)

    def is_empty(self) -> bool:
        """Say whether the folder is empty; a file system's own folder for what it saved does not count."""
        return all(entry.name == "lost+found" for entry in self._path("").iterdir())

    @staticmethod
    def _create(path: Path) -> IO[bytes]:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return path.open("wb")
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)  # `delete` took the folder away in between, as it was empty
            return path.open("wb")

    def _path(self, file: str) -> Path:
        if not self._root.is_dir():
            message = f"the folder {self._root} is away"
            raise NotADirectoryError(message)
        return self._root / PurePosixPath(file)

    def _sync_folders(self, folder: Path) -> None:
        while True:
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
            if folder == self._root or self._root not in folder.parents:
                return
            folder = folder.parent


class BucketFolder:
    """Parts under an ``s3://`` prefix; a put is atomic there."""

    def __init__(self, url: str, *, environ: Mapping[str, str]) -> None:
        from obstore.store import S3Store

        # obstore reads AWS_* itself, of this process alone; plain HTTP is spoken only to an endpoint that says so.
        endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or environ.get("AWS_ENDPOINT")
        place: dict[str, Any] = {} if not endpoint else {"endpoint": endpoint, "virtual_hosted_style_request": False}
        place |= {option: environ[name] for option, name in _GIVEN.items() if environ.get(name)}
        self._store = S3Store.from_url(
            url,
            **{**s3_credentials(environ), **place},
            retry_config={"max_retries": MAX_RETRIES},
            client_options={
                "connect_timeout": "5s",
                "timeout": "10m",
                "allow_http": bool(endpoint and endpoint.startswith("http://")),
            },
        )

    def write(self, file: str, fill: Callable[[IO[bytes]], None]) -> int:
        """Write to a temporary file first, so that memory stays bounded, then put it in one piece."""
        with spool(file) as sink:
            fill(sink)
            size = sink.tell()
            sink.seek(0)
            try:
                self._store.put(file, sink)
            except FileNotFoundError as error:  # a put needs no object: it is the bucket
                raise NotADirectoryError(f"the bucket is away: {reason_of(error)}") from error
        return size

    def open(self, file: str) -> IO[bytes]:
        """Open an object for reading by ranges."""
        size = self._store.head(file)["size"]
        reading = _Ranges(lambda start, end: bytes(self._store.get_range(file, start=start, end=end)), size)
        return io.BufferedReader(reading, buffer_size=_READ_AHEAD_BYTES)

    def delete(self, file: str) -> None:
        """Delete an object."""
        with suppress(FileNotFoundError):
            self._store.delete(file)

    def list(self, folder: str) -> Iterator[StoredPart]:
        """Yield the objects under a prefix."""
        for page in self._store.list(prefix=f"{folder}/"):  # pyright: ignore[reportUnknownMemberType] - obstore types Arrow pages as unknown
            for entry in page:
                yield StoredPart(file=entry["path"], bytes=entry["size"], modified_at=entry["last_modified"])

    def delete_unfinished(self, file: str) -> None:
        """Do nothing: a put that was killed leaves no object."""

    def is_empty(self) -> bool:
        """Say whether no object lies under the prefix."""
        return not any(page for page in self._store.list(chunk_size=1))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - obstore types Arrow pages as unknown


class _Ranges(io.RawIOBase):
    """An object as a Python file, each read a range request; Arrow wants a real file, which obstore's reader is not."""

    def __init__(self, get: Callable[[int, int], bytes], size: int) -> None:
        super().__init__()
        self._get = get
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        content = self._get(self._at, end)
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)
