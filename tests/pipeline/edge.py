"""The local stack's own Qdrant server as a process of its own, so that it can be killed."""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.services.loopback import free_port, wait_until


class EdgeServer:
    """A server on a free loopback port while the ``with`` block lasts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)

    def start(self) -> None:
        """Start and return when it answers."""
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "local_stack.edge_server",
                "--path",
                str(self._folder / "edge"),
                "--port",
                str(self.port),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self._folder / "edge.log").open("ab"),
        )
        wait_until(self._answers, what="the Qdrant server to answer")

    def kill9(self) -> None:
        """Kill it as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=30)
        self._process = None

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False
