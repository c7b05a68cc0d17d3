"""Our services of the compose file as processes of this machine: its commands, its variables, its health checks.

Names of containers and their ports become ports of loopback, folders of containers become folders here.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.deploy.compose.test_consistency import FOLDER, SERVICES
from tests.deploy.images.containerfile import Containerfile

ORDER = ("migrations", "code", "webserver", "daemon", "launcher", "query-api", "worker")
LISTENS = {"code": "4000", "webserver": "3000", "query-api": "8000", "worker": "9101"}


class Programs:
    """``addresses``: HOST:PORT in the file → HOST:PORT here; ``variables``: what .env would say."""

    def __init__(self, folder: Path, *, addresses: Mapping[str, str], variables: Mapping[str, str]) -> None:
        self._folder = folder
        self._addresses = dict(addresses)
        self._variables = dict(variables)
        self._image = Containerfile.read()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._dagster = folder / "dagster"
        self._dagster.mkdir()
        for file in (FOLDER / "dagster").iterdir():
            (self._dagster / file.name).write_text(self._here(file.read_text()))

    def environment(self, name: str) -> dict[str, str]:
        """Return what the service's process is started with: the image's variables, then the file's."""
        image = self._image.environment_of(SERVICES[name]["build"]["target"].rpartition(":-")[2].rstrip("}"))
        kept = {key: value for key, value in image.items() if key not in ("PATH", "PYTHONPATH", "PYTHONSAFEPATH")}
        given = {key: str(value) for key, value in SERVICES[name].get("environment", {}).items()}
        ours = {key: self._here(value) for key, value in (kept | given).items()}
        outer = {key: value for key, value in os.environ.items() if not key.startswith(("RAG_", "AWS_", "DAGSTER_"))}
        beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        beats = {"RAG_HEARTBEAT": str(self._folder / f"{name}.heartbeat")}
        ports = {"RAG_API_PORT": self._port_of("query-api"), "RAG_API_HOST": "127.0.0.1", "RAG_AUTH": "required"}
        return outer | ours | beats | (ports if name == "query-api" else {}) | {"PATH": beside}

    def command(self, name: str) -> list[str]:
        """Return what the service starts."""
        target = SERVICES[name]["build"]["target"].rpartition(":-")[2].rstrip("}")
        return self._argv(name, SERVICES[name].get("command") or self._image.command_of(target))

    def run(self, name: str, command: Sequence[str] = ()) -> str:
        """Run a command with the service's variables, its own by default; return what it printed."""
        done = subprocess.run(
            self._argv(name, command) if command else self.command(name),
            env=self.environment(name),
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{name}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, name: str, *, limit_s: float = 90) -> None:
        """Start a service and return when its own health check passes."""
        with self.log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                self.command(name), env=self.environment(name), cwd=self._folder, stdout=log, stderr=log
            )
        _, *asked = SERVICES[name]["healthcheck"]["test"]
        ends_s = time.monotonic() + limit_s
        while subprocess.run(
            self._argv(name, asked), env=self.environment(name), cwd=self._folder, capture_output=True, check=False
        ).returncode:
            assert self._running[name].poll() is None, f"{name} ended:\n{self.log(name).read_text()}"
            assert time.monotonic() < ends_s, f"{name} is not healthy:\n{self.log(name).read_text()}"
            time.sleep(0.5)

    def log(self, name: str) -> Path:
        """Return where a service's words go."""
        return self._folder / f"{name}.log"

    def stop(self) -> None:
        """End all, the last one first."""
        for process in reversed(self._running.values()):
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _argv(self, name: str, words: Sequence[Any]) -> list[str]:
        own, here = LISTENS.get(name), self._port_of(name) if name in LISTENS else ""
        put = {own: here, "0.0.0.0": "127.0.0.1", "python": sys.executable}  # noqa: S104 - what containers listen on
        return [put.get(word, self._here(word)) for word in map(str, words)]

    def _port_of(self, name: str) -> str:
        return self._addresses[f"{name}:{LISTENS[name]}"].rpartition(":")[2]

    def _here(self, text: str) -> str:
        text = re.sub(
            r"\$\{([A-Z_0-9]+):([?-])([^}]*)\}",
            lambda found: self._variables.get(found[1], found[3] if found[2] == "-" else ""),
            text,
        )
        for there, here in self._addresses.items():
            text = text.replace(there, here)
        code_host, _, code_port = self._addresses["code:4000"].partition(":")
        text = text.replace("host: code, port: 4000", f"host: {code_host}, port: {code_port}")
        text = text.replace("http://127.0.0.1:3000/", f"http://{self._addresses['webserver:3000']}/")
        text = text.replace("0.0.0.0:9101", self._addresses["worker:9101"])
        folders = {"/etc/rag/dagster": self._dagster, "/etc/rag/collections": FOLDER / "collections"}
        for there, folder in (folders | {"/var/lib/rag": self._folder / "state"}).items():
            text = text.replace(there, str(folder))
        return text
