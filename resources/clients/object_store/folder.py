"""A folder as an object store.

It reads with the operating system's own calls and not through obstore's folder store, which lists without order, hides
names that end in ``#`` and digits, refuses control characters, follows links out of its root and opens pipes.
Symbolic links to folders are not followed (what they point at inside the root is found there); links to files are,
when their target lies inside the root. Only regular files are objects.
"""

import contextlib
import os
import stat
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote

from rag_core.errors import (
    DependencyUnavailable,
    DocumentUnavailable,
    InvalidRequest,
    SourceChanged,
)
from rag_core.objects import ListedPage, ObjectInfo, Unreadable, is_addressable
from resources.clients.object_store.folder_files import (
    EPOCH,
    bad_name,
    check_size,
    described,
    is_inside,
    is_no_possible_name,
    waited_for_clock,
)
from resources.clients.object_store.incoming import FOLDER, FolderIncoming, remove_abandoned
from resources.clients.object_store.local_files import receiving
from resources.clients.object_store.port import RootMissing
from resources.clients.object_store.sorted_walk import Entry, Level, in_pages, sorted_walk

_COPY_BYTES = 1024 * 1024


class FolderStore:
    """The files below a folder; keys are their paths relative to it, with slashes."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def root_uri(self) -> str:
        """The folder's ``file://`` URI, ending in a slash."""
        return f"file://{quote(str(self._root))}/"

    def uri(self, key: str) -> str:
        """Return the ``file://`` URI of a key."""
        return self.root_uri + quote(key)

    def probe(self) -> str:
        """Return the folder's device and inode: an unmounted mount point has others than the mount had."""
        try:
            with os.scandir(self._root):
                found = self._root.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise RootMissing(
                f"The folder {self._root} is not there.",
                dependency=self.root_uri,
                remedy="Mount or create it, or correct the source's url.",
            ) from error
        except OSError as error:
            raise self._away(error) from error
        return f"{found.st_dev}:{found.st_ino}"

    def pages(self, after_key: str, *, page_size: int) -> Iterator[ListedPage]:
        """Yield the files in bytewise order of their keys; hidden and temporary ones too."""
        real_root = os.path.realpath(self._root)
        walk = sorted_walk(self._level, after_key)
        return in_pages(
            walk, lambda entry: self._listed(entry.key, real_root), after_key=after_key, page_size=page_size
        )

    def list_page(self, after_key: str, limit: int) -> ListedPage:
        """Return the first ``limit`` files after a key."""
        return next(self.pages(after_key, page_size=limit))

    def head(self, key: str) -> ObjectInfo | None:
        """Look at a file; None when it is gone, a link out of the root or not a regular file."""
        with self._opened(key) as opened:
            return None if opened is None else opened[0]

    def tags(self, key: str) -> dict[str, str]:
        """Return none: files have no tags."""
        del key
        return {}

    def download(self, key: str, to: Path, *, expected: ObjectInfo, max_bytes: int) -> ObjectInfo:
        """Copy the file if its ETag is the expected one before and after; see the port."""
        with self._opened(key) as opened:
            if opened is None:
                raise SourceChanged(f"{self.uri(key)} is gone.")
            info, source = opened
            check_size(self.uri(key), info, max_bytes)
            if info.etag != expected.etag:
                raise SourceChanged(f"{self.uri(key)} changed since it was looked at.")
            with receiving(to) as write:
                while chunk := source.read(_COPY_BYTES):
                    write(chunk)
            self._check_unchanged(key, source, info)
            return info

    def read_small(self, key: str, max_bytes: int) -> tuple[ObjectInfo, bytes] | None:
        """Return a small file with its description; see the port."""
        with self._opened(key) as opened:
            if opened is None:
                return None
            info, source = opened
            check_size(self.uri(key), info, max_bytes)
            content = source.read(max_bytes + 1)
            self._check_unchanged(key, source, info)
            return info, content

    def put(self, key: str, path: Path) -> ObjectInfo:
        """Copy a file into the folder under a hidden name, make it durable, then rename it into place."""
        target = self._path(key)
        self.probe()
        temporary = target.with_name(f".{target.name[:100]}.{os.getpid()}-{time.monotonic_ns()}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with path.open("rb") as source, temporary.open("xb") as written:
                while chunk := source.read(_COPY_BYTES):
                    written.write(chunk)
                written.flush()
                os.fsync(written.fileno())
            temporary.replace(target)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise self._away(error) from error
        return self._look_at(key)

    def incoming(self, key: str, *, folder: str) -> FolderIncoming:
        """Begin to receive a file under a hidden name; the root must be there."""
        target = self._path(key)
        self.probe()
        return FolderIncoming(self._root, folder, target, look=lambda: self._look_at(key))

    def remove_abandoned(self, folder: str) -> int:
        """Remove hidden files whose writer died."""
        return remove_abandoned(self._root / folder / FOLDER)

    def delete(self, key: str) -> None:
        """Remove a file."""
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            raise DocumentUnavailable(f"Could not delete {self.uri(key)}: {error.strerror}.") from error

    def _look_at(self, key: str) -> ObjectInfo:
        info = self.head(key)
        if info is None:
            raise SourceChanged(f"{self.uri(key)} was removed at once.")
        return info

    def _path(self, key: str) -> Path:
        if not is_addressable(key):
            raise InvalidRequest(f"{key!r} does not name a file below {self.root_uri}.")
        return self._root / key

    def _level(self, prefix: str) -> Level:
        """List one folder's names; the root must be readable, another folder that is not is reported."""
        entries: list[Entry] = []
        unreadable: list[Unreadable] = []
        try:
            with os.scandir(self._root / prefix) as found:
                for each in found:
                    key = prefix + each.name
                    if not is_addressable(key):
                        unreadable.append(bad_name(prefix, each.name))
                    elif each.is_dir(follow_symlinks=False):
                        entries.append(Entry(key=key + "/"))
                    elif each.is_file(follow_symlinks=False) or each.is_symlink():
                        entries.append(Entry(key=key))
        except OSError as error:
            if not prefix:
                self.probe()
                raise self._away(error) from error
            if isinstance(error, FileNotFoundError | NotADirectoryError):
                self.probe()
                return Level(entries=())
            reason = f"cannot list the folder: {error.strerror}"
            return Level(entries=(), unreadable=(Unreadable(prefix=prefix, name=prefix, reason=reason),))
        return Level(entries=entries, unreadable=tuple(unreadable))

    def _listed(self, key: str, real_root: str) -> ObjectInfo | None:
        path = f"{self._root}/{key}"  # no Path: making one takes longer than the look
        try:
            found = os.lstat(path)
            if stat.S_ISLNK(found.st_mode):
                if not is_inside(os.path.realpath(path), real_root):
                    return None
                found = os.stat(path)  # noqa: PTH116 - as above
            if not stat.S_ISREG(found.st_mode):
                return None
            if waited_for_clock(found):
                found = os.stat(path)  # noqa: PTH116 - as above
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            # An object whose description cannot be read is there: it is listed, and reading it says what is wrong.
            return ObjectInfo(
                key=key, etag=f"unreadable-{error.errno}", version_id=None, size_bytes=0, modified_at=EPOCH
            )
        return described(key, found)

    @contextlib.contextmanager
    def _opened(self, key: str) -> Generator[tuple[ObjectInfo, BinaryIO] | None]:
        """Open a regular file inside the root, never waiting for a pipe; None when it is gone and the root is there."""
        path = self._path(key)
        descriptor = -1
        try:
            real_path = os.path.realpath(path)
            if is_inside(real_path, os.path.realpath(self._root)):
                descriptor = os.open(real_path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            pass
        except OSError as error:
            self.probe()
            if is_no_possible_name(error, path):
                yield None
                return
            raise DocumentUnavailable(f"Could not open {self.uri(key)}: {error.strerror}.") from error
        if descriptor < 0:
            self.probe()
            yield None
            return
        with os.fdopen(descriptor, "rb", buffering=0) as opened:
            source = cast("BinaryIO", opened)
            try:
                found = os.fstat(descriptor)
                if stat.S_ISREG(found.st_mode) and waited_for_clock(found):
                    found = os.fstat(descriptor)
                yield (described(key, found), source) if stat.S_ISREG(found.st_mode) else None
            except OSError as error:
                self.probe()
                raise DocumentUnavailable(f"Could not read {self.uri(key)}: {error.strerror}.") from error

    def _check_unchanged(self, key: str, source: BinaryIO, info: ObjectInfo) -> None:
        if described(key, os.fstat(source.fileno())).etag != info.etag:
            raise SourceChanged(f"{self.uri(key)} changed while it was read.")

    def _away(self, error: OSError) -> DependencyUnavailable:
        return DependencyUnavailable(
            f"The folder {self._root} cannot be used: {error.strerror}.",
            dependency=self.root_uri,
            remedy="Check its permissions and its disk.",
        )
