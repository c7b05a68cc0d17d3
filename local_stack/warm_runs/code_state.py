"""Has the code changed since it was imported? A run executes what is on disk, as with Dagster's own launcher."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("rag_core", "resources", "sensors", "rag_assets", "local_stack")
"""What the pool imports ahead of a run; a worker imports everything else itself, so that can never be old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeState:
    """The time and size of every source file, at one moment."""

    files: frozenset[tuple[str, int, int]]

    @classmethod
    def now(cls, folders: Iterable[Path] = tuple(_ROOT / name for name in PACKAGES)) -> "CodeState":
        """Look at the files; about two milliseconds."""
        return cls(files=frozenset(found for folder in folders for found in _files_below(str(folder))))


def _files_below(folder: str) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting += [] if entry.name == "__pycache__" else [entry.path]
                    elif entry.name.endswith(".py"):
                        seen = entry.stat()
                        found.append((entry.path, seen.st_mtime_ns, seen.st_size))
        except FileNotFoundError:
            continue  # replaced while we looked
    return found
