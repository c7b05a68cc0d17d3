"""One process owns a folder: two engines on the same shards would destroy them."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

LOCK = "lock"


class AlreadyOwned(Exception):
    """Another process has the folder."""


@contextmanager
def owning(path: Path) -> Generator[None]:
    """Own the folder ``path``, made if missing, until the block ends or the process dies; raises ``AlreadyOwned``."""
    path.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise AlreadyOwned(f"{path} is in use by another Qdrant Edge server (process {owner})") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
