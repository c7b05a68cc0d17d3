"""A local stack of one's own: its home, ports and collections touch nobody else's; started and ended by ``rag``."""

import json
import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from rag_core.errors import DependencyUnavailable
from resources.clients.home import read_stack

HOST = "127.0.0.1"
UP_LIMIT_S = 600
DOWN_LIMIT_S = 240
_PORTS = range(10_000, 32_000)
"""Below what the kernel gives to outgoing connections."""

_KEPT = frozenset({"RAG_ANSWER_THRESHOLD"})
"""The one setting of the caller that means something to a stack that is only measured."""


class OwnStack:
    """``folder`` holds the home, the collection files and the sources; inside ``with`` the stack runs."""

    def __init__(self, folder: Path, *, environment: Mapping[str, str] | None = None, with_kafka: bool = False) -> None:
        self._with_kafka = with_kafka
        self.folder = folder
        self.home = folder / "home"
        self.collections = folder / "collections"
        self.sources = folder / "sources"
        for made in (self.home, self.collections, self.sources):
            made.mkdir(mode=0o700, parents=True, exist_ok=True)
        ours = {name: value for name, value in os.environ.items() if not name.startswith("RAG_") or name in _KEPT}
        ours |= {"RAG_HOME": str(self.home), "RAG_COLLECTIONS": str(self.collections)}
        self._environment = ours | dict(environment or {})

    def __enter__(self) -> Self:
        try:
            self.up()
        except (
            BaseException
        ):  # TERM and Ctrl-C among them: what has started already would stay, and nobody would end it
            self.down()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def up(self) -> None:
        """Start it, on free ports; one that a killed command left behind is ended first."""
        self.down()
        names = ("POSTGRES", "QDRANT", "DAGSTER", "API")
        ports = {f"RAG_{name}_PORT": str(port) for name, port in zip(names, free_ports(len(names)), strict=True)}
        words = ["up", "--detach"]
        if self._with_kafka:
            words.append("--kafka")
            ports["RAG_KAFKA_PORT"] = str(two_free_ports())
        done = self._rag(*words, more=ports, limit_s=UP_LIMIT_S)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise DependencyUnavailable(
                f"The stack in {self.home} did not start: {said[-1] if said else 'it said nothing'}",
                dependency="stack",
                remedy=f"Its logs are in {self.home / 'logs'}.",
            )

    def down(self) -> None:
        """End it; nothing happens where none runs."""
        with suppress(subprocess.TimeoutExpired):
            self._rag("down", more={}, limit_s=DOWN_LIMIT_S)

    def remove(self) -> None:
        """End it and delete all it made."""
        self.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def declare(self, name: str, **more: Any) -> Path:
        """Declare a collection with one watched folder, and return that folder; takes effect at the next start.

        ``more`` are further fields of its file.
        """
        folder = self.sources / name
        folder.mkdir(mode=0o700, exist_ok=True)
        source = {"name": "corpus", "url": folder.as_uri(), "include": ["**/*.txt"]}
        declared = {"name": name, "description": "Made for measuring.", "sources": [source | more.pop("source", {})]}
        path = self.collections / f"{name}.yaml"
        text = json.dumps(declared | more, indent=2) + "\n"  # JSON is YAML, too
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
        return folder

    def setting(self, name: str) -> str:
        """Return an address of the running stack, such as ``api_url``."""
        return str(read_stack(self.home)["settings"][name])

    def _rag(self, *words: str, more: Mapping[str, str], limit_s: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-c", "from local_stack.cli.main import main; main()", *words],
            env={**self._environment, **more},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )


def two_free_ports() -> int:
    """Return the first of two neighbouring ports of 127.0.0.1 that nobody listens on now."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with suppress(OSError), ExitStack() as held:
            for number in (port, port + 1):
                held.enter_context(socket.socket()).bind((HOST, number))
            return port


def free_ports(count: int) -> list[int]:
    """Return ``count`` different ports of 127.0.0.1 that nobody listens on now."""
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            port = random.SystemRandom().choice(_PORTS)
            with suppress(OSError):
                held.enter_context(socket.socket()).bind((HOST, port))
                found.append(port)
    return found
