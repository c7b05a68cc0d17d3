"""One file as an object: what its state announces, and which states and names cannot be trusted."""

import errno
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from rag_core.errors import DocumentRejected, QuarantineKind
from rag_core.objects import ObjectInfo, Unreadable

_CLOCK_STEP_S = 0.02
_MAX_PATH_BYTES = 4096
EPOCH = datetime.fromtimestamp(0, tz=UTC)


def described(key: str, found: os.stat_result) -> ObjectInfo:
    """Return a file as an object; its ETag is inode, modification time and size."""
    return ObjectInfo(
        key=key,
        etag=f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}",
        version_id=None,
        size_bytes=found.st_size,
        modified_at=datetime.fromtimestamp(found.st_mtime_ns // 1_000_000_000, tz=UTC),
        user_metadata={},
    )


def is_no_possible_name(error: OSError, path: Path) -> bool:
    """Say whether a name in a path is longer than its file system's names: nothing can be there.

    A whole path that is too long for the system is something else: what is there cannot be reached.
    """
    return error.errno == errno.ENAMETOOLONG and len(os.fsencode(path)) < _MAX_PATH_BYTES


def waited_for_clock(found: os.stat_result) -> bool:
    """Say, after a short wait, that a file was written so recently that another write could get the same time.

    File systems count time in steps of some milliseconds: two writes of the same length in one step look equal. After
    the wait a later write has a later time.
    """
    age_s = time.time() - found.st_mtime
    if not 0 <= age_s < _CLOCK_STEP_S:
        return False
    time.sleep(_CLOCK_STEP_S - age_s)
    return True


def is_inside(path: str, root: str) -> bool:
    """Say whether a real path lies below a real root."""
    return path.startswith(root.rstrip("/") + "/")


def bad_name(prefix: str, name: str) -> Unreadable:
    """Return what a listing says of a name that is no key, in printable letters."""
    shown = os.fsencode(prefix + name).decode("utf-8", "backslashreplace")
    readable = name.encode("utf-8", "ignore").decode("utf-8") == name
    reason = "its path is longer than 1024 bytes" if readable else "its name is not valid UTF-8"
    return Unreadable(prefix=prefix + name, name=shown, reason=reason)


def check_size(uri: str, info: ObjectInfo, max_bytes: int) -> None:
    """Return for a file within the limit; raises ``DocumentRejected`` (too large)."""
    if info.size_bytes > max_bytes:
        raise DocumentRejected(
            QuarantineKind.TOO_LARGE,
            f"{uri} has {info.size_bytes} bytes, the limit is {max_bytes}.",
            remedy="Split the document or raise limits.max_document_bytes of the collection.",
        )
