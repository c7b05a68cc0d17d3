"""A sign of life in a file, of programs that listen nowhere: it is touched while all of their loops beat.

``python -m resources.clients.heartbeat`` asks for it: exit code 0 while the file named by ``RAG_HEARTBEAT`` is fresh.
An outage of what a program waits for is no reason to end it: its loops go round, and beat, while they wait.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock

VARIABLE = "RAG_HEARTBEAT"
LONGEST_ROUND_S = 300.0
"""Longer than any loop takes for one round, its waits and the time limits of its dependencies included."""
FRESH_S = 60.0


class Heartbeat:
    """Touches ``file`` while every loop that ever beat goes on beating; without a file it does nothing."""

    def __init__(self, file: Path | None, *, longest_round_s: float = LONGEST_ROUND_S) -> None:
        self._file = file
        self._longest_round_s = longest_round_s
        self._lock = Lock()
        self._beats: dict[str, float] = {}

    def of(self, loop: str) -> Callable[[], None]:
        """Return what a loop calls once a round; it counts from now on, also if it never calls."""
        self._beat(loop)
        return lambda: self._beat(loop)

    def touch(self) -> None:
        """Touch the file, unless a loop is silent; called every few seconds. A full disk is nobody's death."""
        if self._file is None or self.silent():
            return
        try:
            self._file.touch()
        except OSError as error:
            sys.stderr.write(f"{VARIABLE}={self._file} cannot be touched: {error.strerror}\n")

    def silent(self) -> list[str]:
        """Return the loops that have not gone round for too long."""
        now_s = time.monotonic()
        with self._lock:
            return [name for name, at_s in self._beats.items() if now_s - at_s > self._longest_round_s]

    def _beat(self, loop: str) -> None:
        with self._lock:
            self._beats[loop] = time.monotonic()


def silent_s(file: Path) -> float | None:
    """Return for how long the file has not been touched; None if there is none."""
    try:
        return max(0.0, time.time() - file.stat().st_mtime)
    except FileNotFoundError:
        return None


def main() -> int:
    """Say whether the program whose heartbeat is in the file lives."""
    arguments = argparse.ArgumentParser(prog="resources.clients.heartbeat", description=main.__doc__)
    arguments.add_argument("--within", type=float, default=FRESH_S, metavar="SECONDS", help="how old it may be")
    within_s: float = arguments.parse_args().within
    file = os.environ.get(VARIABLE)
    if not file:
        sys.stderr.write(f"{VARIABLE} is not set: nothing says whether the program lives.\n")
        return 1
    age_s = silent_s(Path(file))
    if age_s is None or age_s > within_s:
        sys.stderr.write(f"{file} {'is not there' if age_s is None else f'was last touched {age_s:.0f} s ago'}.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
