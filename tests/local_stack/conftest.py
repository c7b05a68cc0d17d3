"""A home with its own ports, and the ``rag`` command run in it as a person would run it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local_stack.members import members
from tests.services.loopback import free_port, wait_until

RAG = str(Path(sys.executable).with_name("rag"))


def _environment(home: Path) -> dict[str, str]:
    """Return an environment with a port for each part; S3 takes ten, so it gets the middle of nowhere."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RAG_", "AWS_"))}
    ports = {name: str(free_port()) for name in ("POSTGRES", "QDRANT", "DAGSTER", "API")}
    return {**inherited, "RAG_HOME": str(home), **{f"RAG_{name}_PORT": port for name, port in ports.items()}}


@dataclass
class Home:
    """One ``RAG_HOME``; ``rag`` runs a command in it and returns what it said."""

    folder: Path
    parts: str = "postgres"
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = {**_environment(self.folder), "RAG_PARTS": self.parts, **self.environment}

    def rag(self, *words: str, expect: int = 0) -> str:
        """Run ``rag`` with ``words``; return its standard output and error."""
        done = subprocess.run(
            [RAG, *words], env=self.environment, cwd=self.folder.parent, capture_output=True, text=True, timeout=120
        )
        said = done.stdout + done.stderr
        assert done.returncode == expect, said
        assert "Traceback" not in said
        return said

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start ``rag`` in the foreground."""
        return subprocess.Popen(
            [RAG, *words],
            env=self.environment,
            cwd=self.folder.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def status(self) -> dict[str, dict[str, Any]]:
        """Return what ``rag status --json`` says of each part, by name."""
        done = subprocess.run(
            [RAG, "status", "--json"], env=self.environment, capture_output=True, text=True, timeout=60
        )
        return {part["name"]: part for part in json.loads(done.stdout)["parts"]}

    def stack(self) -> dict[str, Any]:
        """Return the stack file."""
        return json.loads((self.folder / "stack.json").read_text())

    def supervisor_pid(self) -> int:
        """Return the process id of the supervisor."""
        return int((self.folder / "run" / "supervisord.pid").read_text())

    def wait_for_nobody(self) -> None:
        """Return once no process of this home is left."""
        wait_until(lambda: not members(self.folder), what="every process of the stack to end")

    def kill9(self, pids: list[int]) -> None:
        """Kill the processes as a power cut would."""
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def clear(self) -> None:
        """End what a failed test left and remove the folder."""
        subprocess.run([RAG, "down"], env=self.environment, capture_output=True, timeout=120, check=False)
        self.kill9(members(self.folder))
        shutil.rmtree(self.folder.parent, ignore_errors=True)


def new_home(parts: str = "postgres", *, name: str = "home", **environment: str) -> Home:
    """Return a fresh home; not under pytest's tmp_path, which the server's own account must not enter."""
    return Home(Path(tempfile.mkdtemp(prefix="rag-")) / name, parts=parts, environment=environment)


@pytest.fixture
def home() -> Iterator[Home]:
    """A home of PostgreSQL alone, nothing started."""
    made = new_home()
    yield made
    made.clear()


@pytest.fixture(scope="module")
def running() -> Iterator[Home]:
    """A home whose PostgreSQL runs for all tests of a module, with a name that needs quoting and is too long.

    Too long for a unix socket in it, that is.
    """
    made = new_home(name="a home; with 100 % odd 'name' " + "x" * 90)
    made.rag("up", "--detach")
    yield made
    made.clear()
