"""The processes that belong to a stack, found by the mark they inherited, whoever their parent is by now."""

import os
import signal
import time
from pathlib import Path

MARK = "RAG_STACK_MEMBER"


def mark_of(home: Path) -> dict[str, str]:
    """Return the environment variable that every process of the stack in ``home`` carries."""
    return {MARK: str(home)}


def members(home: Path) -> list[int]:
    """Return the ids of all living processes that carry the mark of ``home``; empty where there is no procfs."""
    mark = f"{MARK}={home}".encode()
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_member = mark in (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # ended meanwhile, or another user's
        pid = int(folder.name)
        if is_member and pid != os.getpid() and is_living(pid):
            found.append(pid)
    return found


def is_living(pid: int) -> bool:
    """Tell whether the process runs; one that ended and whose parent has not yet taken notice does not."""
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat")
        return not Path("/proc").exists() or status.read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except (ProcessLookupError, FileNotFoundError, IndexError):
        return False
    except PermissionError:
        return True  # somebody else's, and alive


def end_members(home: Path, *, patience_s: float = 10.0) -> int:
    """End what is left of the stack in ``home``, politely first; return how many processes there were."""
    left = members(home)
    count = len(left)
    for by, wait_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, patience_s)):
        for pid in left:
            _signal(pid, by)
        end = time.monotonic() + wait_s
        while (left := members(home)) and time.monotonic() < end:
            time.sleep(0.1)
        if not left:
            break
    return count


def _signal(pid: int, by: signal.Signals) -> None:
    try:
        os.kill(pid, by)
    except ProcessLookupError:
        return
