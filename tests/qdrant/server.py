"""The Qdrant Edge server of a test: a real process on a free loopback port, with its data in a folder."""

import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from qdrant_client import QdrantClient

from tests.services.loopback import free_port, wait_until

PROJECT = Path(__file__).resolve().parents[2]


class EdgeServer:
    """A server while the ``with`` block lasts; a folder of its own unless ``path`` names one.

    ``options`` are further command line arguments, such as ``"--optimize-after-points", "500"``.
    """

    def __init__(self, path: Path | None = None, *options: str) -> None:
        self._own = path is None
        self.path = Path(tempfile.mkdtemp(prefix="rag-qdrant-")) if path is None else path
        self._log = self.path.with_name(f"{self.path.name}.log")
        self._options = options
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill9()
        if self._own:
            shutil.rmtree(self.path, ignore_errors=True)
            self._log.unlink(missing_ok=True)

    def start(self) -> Self:
        """Start the server and return when it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        wait_until(self._is_ready, what="the Qdrant Edge server to answer")
        return self

    def command(self) -> list[str]:
        """Return the command that starts this server."""
        where = ("--path", str(self.path), "--port", str(self.port))
        return [sys.executable, "-m", "local_stack.edge_server", *where, *self._options]

    def client(self, *, timeout_s: int = 60) -> QdrantClient:
        """Return an unmodified client of this server; close it."""
        return QdrantClient(url=self.url, prefer_grpc=False, check_compatibility=False, timeout=timeout_s)

    def kill9(self) -> None:
        """Kill the server as a crash would."""
        self.end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask the server to end and return its exit code."""
        return self.end(signal.SIGTERM)

    def restart(self) -> None:
        """Start again after ``kill9`` or ``stop``, or stop and start a running server; same URL, same data."""
        self.stop()
        self.start()

    def terminate(self) -> None:
        """Ask the server to end without waiting for it."""
        assert self._process is not None
        self._process.terminate()

    def end(self, by: signal.Signals) -> int:
        """Send a signal, wait for the end and return the exit code; 0 when it does not run."""
        if self._process is None:
            return 0
        self._process.send_signal(by)
        code = self._process.wait(timeout=60)
        self._process = None
        return code

    def log(self) -> str:
        """Return what the server wrote."""
        return self._log.read_text()

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the Qdrant Edge server ended: {self.log()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:  # noqa: S310 - our own http URL
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
