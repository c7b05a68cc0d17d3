"""An object while its bytes are still coming in: nobody sees it until it is whole, and a crash leaves no object.

A folder receives under a hidden name on its own file system, synced and then renamed. A bucket receives into an unnamed
file of this machine and is sent the whole: an object of a bucket cannot be taken back half-way without leaving parts
that cost money, and what turns out to be there already need not be sent at all.
"""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol
from uuid import uuid4

from rag_core.errors import DependencyUnavailable
from rag_core.objects import ObjectInfo
from resources.clients.object_store.local_files import no_room, write_all

FOLDER = ".incoming"
_SUFFIX = ".part"
_IN_MEMORY_BYTES = 1024 * 1024


class Incoming(Protocol):
    """One object that is being received; end it with ``keep`` or ``drop``."""

    def write(self, data: bytes) -> None:
        """Add bytes; raises ``DependencyUnavailable`` where they cannot be stored."""
        ...

    def keep(self) -> ObjectInfo:
        """Make the object durable and visible in one step, replacing what was under its key."""
        ...

    def drop(self) -> None:
        """Leave nothing behind; nothing happens after ``keep``."""
        ...


class FolderIncoming:
    """A hidden file that becomes the object; its lock says that somebody still writes it."""

    def __init__(self, root: Path, folder: str, target: Path, *, look: Callable[[], ObjectInfo]) -> None:
        self._target = target
        self._look = look
        self._root = root
        self._file: IO[bytes] | None
        try:
            place = root / folder / FOLDER
            place.mkdir(parents=True, exist_ok=True)
            self._path, self._file = _locked(place)
        except OSError as error:
            raise self._away(error) from error

    def write(self, data: bytes) -> None:
        """Add bytes to the hidden file."""
        if self._file is None:
            raise ValueError("the object is kept or dropped already")
        try:
            write_all(self._file, data)
        except OSError as error:
            raise self._away(error) from error

    def keep(self) -> ObjectInfo:
        """Sync the bytes, rename the file, sync the name."""
        if self._file is None:
            raise ValueError("the object is kept or dropped already")
        try:
            os.fsync(self._file.fileno())
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._path.replace(self._target)
            _sync_folder(self._target.parent)
        except OSError as error:
            raise self._away(error) from error
        self._file.close()
        self._file = None
        return self._look()

    def drop(self) -> None:
        """Remove the hidden file."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # what stays is hidden, and removed by the next process
                self._path.unlink(missing_ok=True)
            self._file.close()
            self._file = None

    def _away(self, error: OSError) -> DependencyUnavailable:
        return DependencyUnavailable(
            f"The folder {self._root} cannot be written: {error.strerror}.",
            dependency=f"file://{self._root}/",
            remedy="Check its permissions and its disk.",
        )


class SpooledIncoming:
    """Bytes in an unnamed temporary file (in memory while few); ``send`` stores the whole file under the key."""

    def __init__(self, *, send: Callable[[IO[bytes]], ObjectInfo]) -> None:
        self._send = send
        self._spool: IO[bytes] | None = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115

    def write(self, data: bytes) -> None:
        """Add bytes to the temporary file."""
        if self._spool is None:
            raise ValueError("the object is kept or dropped already")
        try:
            self._spool.write(data)
        except OSError as error:
            raise no_room(error) from error

    def keep(self) -> ObjectInfo:
        """Send the bytes to the bucket."""
        if self._spool is None:
            raise ValueError("the object is kept or dropped already")
        self._spool.seek(0)
        kept = self._send(self._spool)
        self.drop()
        return kept

    def drop(self) -> None:
        """Give the temporary file back."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None


def remove_abandoned(place: Path) -> int:
    """Remove the hidden files of writers that died, told by their lock; return how many."""
    removed = 0
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        for path in place.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError), path.open("rb") as opened:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
                removed += 1
    return removed


def _locked(place: Path) -> tuple[Path, IO[bytes]]:
    """Create a hidden file and lock it; one that was taken for abandoned in between is made anew."""
    while True:
        path = place / f"{uuid4().hex}{_SUFFIX}"
        opened = path.open("xb", buffering=0)
        fcntl.flock(opened, fcntl.LOCK_EX)
        if path.exists():
            return path, opened
        opened.close()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
