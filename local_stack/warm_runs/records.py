"""Which run is in whose hands: a small file for each, locked for as long as its worker lives.

The kernel lets go of the lock when the process dies, however it dies: nobody can hold a run and be gone. The file is
removed by the worker that is through; one that is left without a lock is the record of a worker that died.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID


class RunRecords:
    """The records in one folder; safe to use from any number of processes on one machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, run_id: str) -> bool:
        """Write this process down as the worker of a run, until it dies or drops it; False if another lives.

        The file gets its name only when it is locked: nobody sees a record whose worker is not there yet.
        """
        path = self._path(run_id)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.worker_of(run_id) is not None:
            return False
        beside = self._folder / f".{os.getpid()}"
        held = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)  # stays open: it is the lock
        fcntl.flock(held, fcntl.LOCK_EX)
        os.write(held, str(os.getpid()).encode())
        beside.replace(path)
        return True

    def drop(self, run_id: str) -> None:
        """Remove the record: the run is over."""
        self._path(run_id).unlink(missing_ok=True)

    def worker_of(self, run_id: str) -> int | None:
        """Return the process that works on the run now, or None if there is none or it has died."""
        try:
            with self._path(run_id).open("rb") as file:
                return None if _is_free(file.fileno()) else int(file.read())
        except FileNotFoundError:
            return None

    def has(self, run_id: str) -> bool:
        """Say whether a worker took this run and has not dropped it, be it alive or not."""
        return self._path(run_id).exists()

    @contextlib.contextmanager
    def left_behind(self) -> Iterator[list[str]]:
        """Yield the runs whose workers died, their records held so that one process alone looks after them."""
        with contextlib.ExitStack() as held:
            found: list[str] = []
            for path in self._folder.glob("[!.]*"):
                with contextlib.suppress(FileNotFoundError):
                    file = held.enter_context(path.open("rb"))
                    if _is_free(file.fileno(), keep=True) and _is_same(file.fileno(), path):
                        found.append(path.name)
            yield found

    def _path(self, run_id: str) -> Path:
        return self._folder / str(UUID(run_id))  # nothing but an id becomes a path


def _is_free(descriptor: int, *, keep: bool = False) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if keep else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_same(descriptor: int, path: Path) -> bool:
    """Say whether the file is still there under its name: another worker may have taken the run meanwhile."""
    ours, there = os.fstat(descriptor), path.stat()
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)
