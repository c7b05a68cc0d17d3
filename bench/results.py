"""What a benchmark run found: the named figures, why one is missing, the table, the files, the history."""

import json
import os
import platform
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

KEYS = {
    "end_to_end_vs_encoder": "folder to searchable, in chunks/s of the raw encoder on the same chunks",
    "encoder_vs_sentence_transformers": "raw encoder, in chunks/s of sentence-transformers fp32",
    "freshness_s_p50": "seconds from file written to searchable, median",
    "freshness_s_p95": "seconds from file written to searchable, p95",
    "rerun_embedded": "chunks embedded by a re-run in which nothing changed",
    "rerun_written": "points written by it",
    "rerun_vs_first": "its seconds, in those of the first run",
    "one_edit_s": "seconds from one edit among many documents to searchable, median",
    "tick_s_100k_objects": "seconds of all ticks of a sweep over 100,000 unchanged objects",
    "run_peak_mb": "peak memory of a run with its parser processes, MB",
    "parse_pages_per_s": "PDF pages parsed in a second",
    "search_p50_vs_bare": "API latency of a search, in that of bare embedding and bare Qdrant",
    "kafka_records_vs_bare": "messages recorded in a second, bytes included, in those that bare kafka-python reads",
    "kafka_freshness_s_p50": "seconds from message produced to found, median",
    "kafka_freshness_s_p95": "seconds from message produced to found, p95",
}
"""The named figures, in the order of the table. Only what was measured in this very run has a value."""

NOT_ASKED = "its part was not asked for"
Value = float | int | None


@dataclass(slots=True)
class Results:
    """Figures as they are measured; ``details`` are further rows of the table, by section."""

    values: dict[str, Value] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    details: dict[str, dict[str, Value | str]] = field(default_factory=dict)

    def set(self, key: str, value: Value) -> None:
        """Record a named figure."""
        if key not in KEYS:
            raise KeyError(key)
        self.values[key] = round(value, 4) if isinstance(value, float) else value

    def miss(self, key: str, reason: str) -> None:
        """Say why a named figure was not measured."""
        self.values[key] = None
        self.reasons[key] = reason

    def tell(self, section: str, **numbers: Value | str) -> None:
        """Add rows to a section of the table."""
        rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in numbers.items()}
        self.details.setdefault(section, {}).update(rounded)

    def to_json(self, *, quick: bool, data: str, seconds: float) -> dict[str, Any]:
        """Return what ``results.json`` holds: every named key, null where ``not_measured`` says why."""
        for key in KEYS.keys() - self.values.keys():
            self.miss(key, NOT_ASKED)
        return {
            **{key: self.values[key] for key in KEYS},
            "not_measured": dict(sorted(self.reasons.items())),
            "details": self.details,
            "quick": quick,
            "data": data,
            "seconds": round(seconds, 1),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit(),
            "machine": machine(),
        }


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


def commit() -> str:
    """Return the commit that is measured, with ``+`` where the working tree differs from it; empty outside of git."""
    folder = Path(__file__).parent.parent

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S607 - whichever git the user has
        return done.stdout.strip() if done.returncode == 0 else ""

    return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")


def table(found: dict[str, Any]) -> str:
    """Return the figures as one Markdown table."""
    asked = {key: text for key, text in KEYS.items() if found["not_measured"].get(key) != NOT_ASKED}
    rows = [(text, _spelled(found[key]) if found[key] is not None else "—") for key, text in asked.items()]
    for section, numbers in found["details"].items():
        rows += [(f"{section}: {name.replace('_', ' ')}", _spelled(value)) for name, value in numbers.items()]
    rows += [
        (f"not measured: {KEYS[key]}", reason) for key, reason in found["not_measured"].items() if reason != NOT_ASKED
    ]
    lines = ["| figure | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    where = found["machine"]
    said = (
        f"{found['at']}, commit {found['commit'] or 'unknown'}, {found['data']}"
        f"{' (a tenth)' if found['quick'] else ''}; {where['cpu']}, {where['cores']} cores, "
        f"{'bf16' if where['bf16'] else 'no bf16'}{', AMX' if where['amx'] else ''}; {found['seconds']:.0f} s."
    )
    return "\n".join([said, "", *lines]) + "\n"


def write(folder: Path, found: dict[str, Any]) -> None:
    """Write ``results.json``, ``results.md`` and the history with its plot."""
    from bench.plot import history_svg

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (folder / "results.md").write_text(table(found), encoding="utf-8")
    history = folder / "history.jsonl"
    kept = ("at", "commit", "quick", "machine", *KEYS)
    with history.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({key: found[key] for key in kept}) + "\n")
    runs = [json.loads(line) for line in history.read_text(encoding="utf-8").splitlines() if line.strip()]
    (folder / "history.svg").write_text(history_svg(runs, KEYS), encoding="utf-8")


def _spelled(value: Value | str) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
