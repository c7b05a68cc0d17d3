"""What figures are measured with: the commit, the machine, the time."""

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_PROJECT = Path(__file__).parent.parent
_WRITTEN = ("results.json", "results.md", "history.jsonl", "history.svg")
"""What a run writes itself: the next one measures the same code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the benchmark, as it was when it began."""

    commit: str
    machine: dict[str, Any]
    is_quick: bool


def this_run(*, is_quick: bool) -> Run:
    """Return the run that begins now."""
    return Run(commit=commit(_PROJECT), machine=machine(), is_quick=is_quick)


def now() -> str:
    """Return the time as it is written down."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def machine() -> dict[str, Any]:
    """Return what figures of two machines differ by."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    values = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = set(values.get("flags", "").split())
    return {
        "cpu": values.get("model name", platform.processor() or platform.machine()),
        "cores": os.cpu_count(),
        "bf16": bool(flags & {"amx_bf16", "avx512_bf16"}),
        "amx": "amx_tile" in flags,
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }


def commit(folder: Path) -> str:
    """Return the commit that lies in a folder, with ``+`` where its files differ from it; empty outside of git."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S607 - whichever git the user has
        return done.stdout.strip() if done.returncode == 0 else ""

    other = [f":!bench/{name}" for name in _WRITTEN]
    differs = git("status", "--porcelain", "-uno", "--", ".", *other)
    return git("rev-parse", "--short=12", "HEAD") + ("+" if differs else "")
