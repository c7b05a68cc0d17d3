"""Where a backup rests: a local folder or an ``s3://`` prefix, each file written whole or not at all."""

import hashlib
import os
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Self, cast

from rag_core.errors import ConfigurationError, DependencyUnavailable, InvalidRequest
from recovery.manifest import MANIFEST, Manifest, StoredFile
from resources.clients.part_folders import BucketFolder, LocalFolder, PartFolder
from resources.clients.store_answers import code_of, reason_of

PIECE_BYTES = 1024 * 1024
CATALOG = "catalog"
PARQUET = "parquet"
OWNER = "owner"
OWNER_BYTES = 256
OURS = "part-"
"""How the names of all files begin that a backup writes besides its manifest and its owner."""


class BackupFolder:
    """The files of a backup by their paths; ``place`` is how a person names it."""

    def __init__(self, folder: PartFolder, place: str) -> None:
        self._folder = folder
        self.place = place

    def manifest(self) -> Manifest:
        """Return the manifest; without one there is no backup, or one that was never finished."""
        found = self.known_manifest()
        if found is None:
            with _away("list its files"):
                self._folder.is_empty()  # a bucket that is not there answers as if it had no such file
            raise ConfigurationError(
                f"There is no finished backup in {self.place}: it has no {MANIFEST}.",
                remedy="It was interrupted, or it is another folder. 'rag backup' into it again finishes it.",
            )
        return found

    def known_manifest(self) -> Manifest | None:
        """Return the manifest, or None without one."""
        try:
            with _away(f"read {MANIFEST}", may_miss=True), self._folder.open(MANIFEST) as source:
                return Manifest.from_bytes(source.read(), place=self.place)
        except FileNotFoundError:
            return None

    def write(self, file: str, fill: Callable[[IO[bytes]], None]) -> StoredFile:
        """Make a file durable and return its size and digest, as written."""
        digest = hashlib.sha256()

        def filled(sink: IO[bytes]) -> None:
            told = _Digesting(sink, digest.update, doing=f"write {file}")
            try:
                fill(told)  # pyright: ignore[reportArgumentType] - it is only written to
            except Exception as error:
                raise _NotOurs(error) from error  # of what is copied from, or told by the sink already

        try:
            with _away(f"write {file}"):
                size = self._folder.write(file, filled)
        except _NotOurs as carried:
            raise carried.error from carried.error.__cause__
        return StoredFile(file=file, bytes=size, sha256=digest.hexdigest())

    def put(self, file: str, content: bytes) -> None:
        """Make a small file durable."""

        def fill(sink: IO[bytes]) -> None:
            sink.write(content)

        self.write(file, fill)

    def open(self, file: str) -> IO[bytes]:
        """Open a file of the backup; what keeps it from being read is told as the backup's trouble, later too."""
        try:
            with _away(f"read {file}", may_miss=True):
                return cast("IO[bytes]", _Reading(self._folder.open(file), doing=f"read {file}"))
        except FileNotFoundError as error:
            raise ConfigurationError(
                f"{file} is missing in the backup in {self.place}.", remedy="Restore from another backup."
            ) from error

    def delete_others(self, folder: str, kept: Collection[str]) -> None:
        """Delete the files of backups under a folder that are not kept, unfinished ones among them."""
        with _away(f"clear {folder}"):
            for one in list(self._folder.list(folder)):
                if one.file not in kept and PurePosixPath(one.file).name.startswith(OURS):
                    self._folder.delete(one.file)

    def owner(self) -> str | None:
        """Return which platform's backups lie here, None where that is not written down."""
        try:
            with _away(f"read {OWNER}", may_miss=True), self._folder.open(OWNER) as source:
                return source.read(OWNER_BYTES).decode("utf-8", "replace").strip()
        except FileNotFoundError:
            return None

    def is_empty(self) -> bool:
        """Say whether nothing lies here, besides what a kill left of the owner's name."""
        with _away("list its files"):
            self._folder.delete_unfinished(OWNER)
            return self._folder.is_empty()

    def delete_unfinished(self, file: str) -> None:
        """Delete what killed writes of a file left beside it."""
        with _away(f"clear {file}"):
            self._folder.delete_unfinished(file)

    def files(self, folder: str) -> list[str]:
        """Return the finished files under a folder, by their paths in the backup, sorted."""
        with _away(f"list {folder}"):
            return sorted(one.file for one in self._folder.list(folder) if not one.file.endswith(".tmp"))

    def parts(self) -> dict[str, int]:
        """Return the Parquet files that are there, by their paths in the part store, with their sizes."""
        with _away("list its files"):
            return {
                one.file.removeprefix(f"{PARQUET}/"): one.bytes
                for one in self._folder.list(PARQUET)
                if not one.file.endswith(".tmp")
            }


class _Digesting:
    """A sink that tells what is written to it, and whose trouble it is when it takes no more."""

    def __init__(self, sink: IO[bytes], told: Callable[[bytes], None], *, doing: str) -> None:
        self._sink = sink
        self._told = told
        self._doing = doing

    def write(self, data: bytes) -> int:
        self._told(data)
        with _away(self._doing):
            return self._sink.write(data)

    def flush(self) -> None:
        with _away(self._doing):
            self._sink.flush()


class _Reading:
    """A file of the backup that is being read, for those who read in pieces."""

    def __init__(self, source: IO[bytes], *, doing: str) -> None:
        self._source = source
        self._doing = doing

    def read(self, size: int = -1) -> bytes:
        with _away(self._doing):
            return self._source.read(size)

    def close(self) -> None:
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class _NotOurs(Exception):
    """Carries an error past those who would take it for theirs."""

    def __init__(self, error: Exception) -> None:
        self.error = error


@contextmanager
def _away(doing: str, *, may_miss: bool = False) -> Generator[None]:
    """Call a disk that is full and a store that does not answer by one name; a file that ``may_miss`` is no trouble."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (OSError, BaseError) as error:
        if may_miss and isinstance(error, FileNotFoundError):
            raise
        is_named_wrong = code_of(error) == "NoSuchBucket"
        raise DependencyUnavailable(
            f"The backup's place could not {doing}: {reason_of(error)}.",
            dependency="backup",
            remedy="Make the bucket, or correct its name or AWS_ENDPOINT_URL."
            if is_named_wrong
            else "See its disk or its server.",
        ) from error


def pieces(source: IO[bytes]) -> Iterator[bytes]:
    """Yield a file's bytes in bounded pieces."""
    while piece := source.read(PIECE_BYTES):
        yield piece


def digest_of(source: IO[bytes]) -> str:
    """Return the SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    for piece in pieces(source):
        digest.update(piece)
    return digest.hexdigest()


def open_backup(place: str, *, environ: Mapping[str, str], make: bool) -> BackupFolder:
    """Return the backup at a folder or an ``s3://`` prefix; a folder is made, its owner's alone, if ``make``."""
    if place.startswith("s3://"):
        return BackupFolder(BucketFolder(place, environ=environ), place)
    path = Path(place.removeprefix("file://")).expanduser().absolute()
    if make:
        if not path.parent.is_dir():
            raise ConfigurationError(f"The folder {path.parent} does not exist.", remedy="Make it, or mount its disk.")
        try:
            path.mkdir(mode=0o700, exist_ok=True)
        except FileExistsError as error:
            raise InvalidRequest(f"{path} is a file.", remedy="Name a folder, or an s3:// prefix.") from error
        except OSError as error:
            raise DependencyUnavailable(
                f"The folder {path} cannot be made: {error.strerror}.",
                dependency="backup",
                remedy=f"Make it yourself, or see the owner of {path.parent}.",
            ) from error
    if path.exists() and not path.is_dir():
        raise InvalidRequest(f"{path} is a file.", remedy="Name the folder that 'rag backup' wrote.")
    if not path.is_dir():
        raise ConfigurationError(f"There is no folder {path}.", remedy="Name the folder that 'rag backup' wrote.")
    if not os.access(path, os.R_OK | (os.W_OK if make else 0)):
        raise DependencyUnavailable(f"The folder {path} may not be used.", dependency="backup", remedy="See its owner.")
    return BackupFolder(LocalFolder(path), str(path))
