"""``rag status``, without typer and rich: their import alone takes three times as long as looking at every part."""

import json
import os
import sys
from collections.abc import Sequence

from local_stack.cli.streams_status import stream_lines, streams_of
from local_stack.status import PartStatus, stack_status
from resources.clients.home import rag_home, read_stack

COLOURS = {"running": 32, "external": 36, "restarting": 31, "waiting": 33, "starting": 33}
STORES = {"qdrant": "qdrant", "timescale": "timescale (PostgreSQL)"}
HEADER = ("part", "state", "pid", "uptime", "restarts", "address")


def run_status(*, as_json: bool) -> int:
    """Print the state of every part and stream; return the exit code, 0 if all of them run."""
    home = rag_home()
    parts = stack_status(home)
    streams = streams_of(parts)
    vectors = read_stack(home).get("settings", {}).get("vectors", "qdrant")
    if as_json:
        shown = {"home": str(home), "vectors": vectors, "parts": [part.to_json() for part in parts], "streams": streams}
        print_lines([json.dumps(shown, indent=2)])
    elif not parts:
        print_lines([f"No stack runs in {home}. Start one with 'rag up'."])
    else:
        print_lines(_table(parts))
        print_lines([f"vectors: {STORES[vectors]}"])
        print_lines([f"{part.name}: {part.detail}" for part in parts if part.detail])
        print_lines(list(stream_lines(streams)))
    return 0 if parts and all(part.state in ("running", "external") for part in parts) else 1


def print_lines(lines: Sequence[str]) -> None:
    """Write the lines to standard output."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _table(parts: Sequence[PartStatus]) -> list[str]:
    rows = [HEADER, *(_cells(part) for part in parts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return lines
    coloured = [_coloured(line, part.state) for line, part in zip(lines[1:], parts, strict=True)]
    return [f"\x1b[1m{lines[0]}\x1b[0m", *coloured]


def _cells(part: PartStatus) -> tuple[str, ...]:
    uptime = "" if part.uptime_s is None else _duration(part.uptime_s)
    return (part.name, part.state, str(part.pid or ""), uptime, str(part.restarts), part.url or "")


def _coloured(line: str, state: str) -> str:
    return line.replace(f" {state}", f" \x1b[{COLOURS.get(state, 2)}m{state}\x1b[0m", 1)


def _duration(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours = seconds // 60, seconds // 3600
    return f"{minutes} min" if hours == 0 else f"{hours} h {minutes % 60} min"
