"""A container as a process group of this machine, with its output in a file."""

import os
import signal
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def now() -> str:
    """Return the time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Container:
    """One container of a pod; it may be started again after its end."""

    def __init__(
        self, spec: dict[str, Any], *, command: list[str], environment: dict[str, str], folder: Path, log: Path
    ) -> None:
        self.name: str = spec["name"]
        self.restarts = -1
        self._spec = spec
        self._command = command
        self._environment = environment
        self._folder = folder
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = self._finished_at = ""

    def start(self) -> None:
        """Start the process; a program that is not there ends with 127, as a shell's would."""
        self.restarts += 1
        self._started_at = now()
        self._finished_at = ""
        with self._log.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    self._command,
                    env=self._environment,
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            except OSError as error:
                log.write(f"{error}\n".encode())
                self._process = subprocess.Popen(["/bin/sh", "-c", "exit 127"], start_new_session=True)

    @property
    def exit_code(self) -> int | None:
        """The exit code as Kubernetes counts it (128 + signal); None while the process runs."""
        code = None if self._process is None else self._process.poll()
        if code is not None and not self._finished_at:
            self._finished_at = now()
            self.signal(signal.SIGKILL)  # a container ends with its first process
        return None if code is None else 128 - code if code < 0 else code

    def signal(self, number: signal.Signals) -> None:
        """Send a signal: SIGTERM to the first process alone, another one to all of them."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            if number is not signal.SIGTERM:
                os.killpg(self._process.pid, number)
            elif self._process.poll() is None:
                self._process.send_signal(number)

    def status(self) -> dict[str, Any]:
        """Return the container's status as the API server keeps it."""
        code = self.exit_code
        if self._process is None:
            state: dict[str, Any] = {"waiting": {"reason": "PodInitializing"}}
        elif code is None:
            state = {"running": {"startedAt": self._started_at}}
        else:
            state = {
                "terminated": {
                    "exitCode": code,
                    "reason": "Completed" if code == 0 else "Error",
                    "startedAt": self._started_at,
                    "finishedAt": self._finished_at,
                }
            }
        return {
            "name": self.name,
            "image": self._spec.get("image", ""),
            "imageID": self._spec.get("image", ""),
            "containerID": f"process://{self._process.pid if self._process else 0}",
            "ready": "running" in state,
            "started": "running" in state,
            "restartCount": max(0, self.restarts),
            "state": state,
        }
