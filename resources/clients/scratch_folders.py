"""Folders for what a process needs while it works; those of processes that were killed go when the next one is made.

The owner holds a lock on a file in its folder, and the kernel lets go of it when the process dies, however it dies.
"""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

KINDS = ("rag-parsing-", "rag-reading-")
"""Beginnings of the names of such folders."""

UNLOCKED_FOR_S = 24 * 3600.0
"""So old is a folder without a lock's file when it is removed: its owner may be about to write one."""

_LOCK = ".owner"


@contextlib.contextmanager
def scratch_folder(kind: str) -> Generator[Path]:
    """Yield an empty folder of this process's own, whose name begins with ``kind``; it is removed at the end."""
    parent = Path(tempfile.gettempdir())
    remove_left_behind(parent)
    folder = Path(tempfile.mkdtemp(prefix=kind, dir=parent))
    held = os.open(folder / ".new", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        (folder / ".new").rename(folder / _LOCK)  # under its name it has always been locked
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def remove_left_behind(parent: Path) -> int:
    """Remove the folders in ``parent`` whose owners are gone, if they are this account's; return how many."""
    removed = 0
    try:
        with os.scandir(parent) as entries:
            found = [Path(entry.path) for entry in entries if entry.name.startswith(KINDS)]
    except OSError:
        return 0
    for folder in found:
        with contextlib.suppress(OSError):  # another one was quicker
            removed += _removed(folder)
    return removed


def _removed(folder: Path) -> bool:
    seen = folder.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.geteuid():
        return False
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        if time.time() - seen.st_mtime < UNLOCKED_FOR_S:
            return False
        shutil.rmtree(folder, ignore_errors=True)
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        shutil.rmtree(folder, ignore_errors=True)
        return True
    finally:
        os.close(lock)
