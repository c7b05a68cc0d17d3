"""What was measured before: one JSON line a run, so that a change of the code can be held against the last one."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MAX_LINES = 500
"""Older runs are dropped: each line holds a value a query."""


def append(path: Path, entry: Mapping[str, Any]) -> None:
    """Add a run to the history, in one step."""
    lines = [*_lines(path), json.dumps(entry, separators=(",", ":"), sort_keys=True)][-MAX_LINES:]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    beside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    beside.replace(path)


def latest(path: Path, *, judgements: str) -> Mapping[str, Any] | None:
    """Return the newest run over the same queries and grades."""
    for line in reversed(_lines(path)):
        entry = _entry(line)
        if entry is not None and entry.get("judgements") == judgements:
            return entry
    return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _entry(line: str) -> Mapping[str, Any] | None:
    """Read a line; one that a newer or broken version wrote counts as none."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
