"""Builds one tool from its locked module and puts it in its place, whole or not at all."""

import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from deploy.tools.go_toolchain import Go
from deploy.tools.recipes import Tool, placed_at

MAX_BUILD_S = 3600


class BuildFailed(Exception):
    """Go refused; the message holds the end of what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """Where the tool lies and how long it took; 0 seconds and `fresh` false where it lay there before."""

    path: Path
    fresh: bool
    elapsed_s: float


def build(tool: Tool, *, cache: Path, go: Go) -> Built:
    """The tool in its place: built beside it and renamed, so that nobody ever starts half a program.

    Raises:
        BuildFailed: Go refused, or took longer than an hour.
    """
    place = placed_at(tool, cache)
    if place.is_file():
        return Built(path=place, fresh=False, elapsed_s=0.0)
    started = time.monotonic()
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=f".{tool.name}-") as folder:
        made = Path(folder) / tool.binary
        _compile(tool, into=made, go=go)
        made.replace(place)
    return Built(path=place, fresh=True, elapsed_s=time.monotonic() - started)


def _compile(tool: Tool, *, into: Path, go: Go) -> None:
    command = [str(go.command), "build", "-mod=readonly", "-trimpath", "-ldflags", tool.linker_flags]
    try:
        done = subprocess.run(
            [*command, "-o", str(into), tool.package],
            cwd=tool.module_folder,
            env=go.environment(tool.module_folder),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
            timeout=MAX_BUILD_S,
        )
    except subprocess.TimeoutExpired as late:
        raise BuildFailed(f"{tool.name}: still compiling after {MAX_BUILD_S} s") from late
    if done.returncode != 0:
        raise BuildFailed(f"{tool.name}: go build failed\n" + "\n".join(done.stderr.splitlines()[-20:]))
