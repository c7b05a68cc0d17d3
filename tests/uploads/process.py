"""The query API as a process of its own, to be killed and measured."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import psutil

from tests.services.loopback import free_port, wait_until
from tests.uploads.conftest import Desk

ROOT = Path(__file__).parents[2]


class ApiProcess:
    """The API on a free port while the ``with`` block lasts; ``dies_at`` names the step at which it kills itself."""

    def __init__(self, desk: Desk, *, dies_at: str = "") -> None:
        self.port = free_port()
        self.log = desk.home / f"api-{self.port}.log"
        program = ["-m", "tests.uploads.doomed_api", dies_at] if dies_at else ["-m", "query_api"]
        settings = {
            "RAG_HOME": str(desk.home),
            "RAG_COLLECTIONS": str(desk.home / "collections"),
            "RAG_DATABASE_URL": desk.url,
            "RAG_QDRANT_URL": "http://127.0.0.1:1",
            "RAG_API_PORT": str(self.port),
            "RAG_AUTH": "off",
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *program], cwd=ROOT, env={**os.environ, **settings}, stdout=log, stderr=log
            )
        desk.api = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        wait_until(self._answers, what="the query API to answer")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill9()

    def kill9(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(timeout=30)

    def wait(self) -> int:
        return self._process.wait(timeout=60)

    def stop(self) -> int:
        self._process.terminate()
        return self.wait()

    @property
    def memory_bytes(self) -> int:
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"the API ended: {self.log.read_text()[-2000:]}")
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False
