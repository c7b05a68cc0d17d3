"""A worker as a process of its own, whose embedding model is slow enough to be killed while it works.

``python -m tests.queued_answers.process SETTINGS_JSON MARKS``: each first question of a process leaves a file with its
pid in ``MARKS``, so that a test knows whom it kills in the middle of an answer.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.pipeline.word_embedder import WordEmbedder

ROOT = Path(__file__).parents[2]
SLOW_S = 0.15


class SlowEmbedder(WordEmbedder):
    """Takes its time for a question, and says that this process is at it."""

    def __init__(self, marks: Path) -> None:
        super().__init__()
        self._mark = marks / str(os.getpid())

    def embed_query(self, text: str) -> Any:
        self._mark.touch()
        time.sleep(SLOW_S)
        return super().embed_query(text)

    def embed_documents(self, texts: Any) -> Any:
        quick = WordEmbedder()
        return quick.embed_documents(texts)


@dataclass
class Workers:
    """Worker processes over one catalog; ``settings`` are those of ``Settings`` as JSON values."""

    settings: dict[str, Any]
    marks: Path
    grace_s: float = 20.0
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    killed: int = 0

    def start(self, count: int = 1) -> None:
        self.marks.mkdir(exist_ok=True)
        words = [json.dumps({**self.settings, "grace_s": self.grace_s}), str(self.marks)]
        for _ in range(count):
            command = [sys.executable, "-W", "error", "-m", "tests.queued_answers.process", *words]
            self.processes.append(subprocess.Popen(command, cwd=ROOT, env={**os.environ, "NO_PROXY": "*"}))

    def at_work(self) -> list[subprocess.Popen[bytes]]:
        """Return those that have begun with a question."""
        return [each for each in self.processes if each.poll() is None and (self.marks / str(each.pid)).exists()]

    def kill9(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        self.processes.remove(process)
        self.killed += 1

    def stop(self, *, limit_s: float = 30) -> list[int]:
        """End all politely; return their exit codes."""
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(limit_s) for process in self.processes]
        self.processes.clear()
        return codes

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait(10)


def main() -> None:
    from query_api.connections import Connections
    from query_api.queued.worker import Worker
    from query_api.worker import run_until_signalled
    from resources.clients.settings import Settings

    given, marks = json.loads(sys.argv[1]), Path(sys.argv[2])
    grace_s = given.pop("grace_s")
    connections = Connections(Settings(**given), open_model=lambda _: SlowEmbedder(marks))
    asyncio.run(run_until_signalled(Worker(connections, grace_s=grace_s, delivery_lease_s=2.0)))
    connections.close()
    assert "dagster" not in sys.modules


if __name__ == "__main__":
    main()
