"""Servers of others, started for the tests that ask them: ended with the test, their words kept for its message."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.services.loopback import wait_until


@contextmanager
def serving(command: Sequence[str | Path], *, ready: str, log: Path, limit_s: float = 60) -> Iterator[None]:
    """Run a server while the block lasts; it begins when ``ready``, a URL, is answered with 200."""
    with log.open("w") as words:
        process = subprocess.Popen([str(word) for word in command], stdout=words, stderr=subprocess.STDOUT)

    def answers() -> bool:
        assert process.poll() is None, f"{command[0]} ended:\n{log.read_text()}"
        try:
            return httpx.get(ready, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    try:
        wait_until(answers, what=f"{ready}, {command[0]}", limit_s=limit_s)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
