"""The results as Markdown: one table of figures, and where the seconds of the benchmark went."""

from typing import Any

from bench.found import KEYS, NOT_ASKED, Value


def table(found: dict[str, Any]) -> str:
    """Return the figures with what they were measured with, their details, and the seconds by part."""
    asked = [key for key in KEYS if found["not_measured"].get(key) != NOT_ASKED]
    rows = [(KEYS[key], _spelled(found[key]), _bears(found["measured"].get(key))) for key in asked]
    for part, each in found["parts"].items():
        for section, numbers in each["details"].items():
            rows += [(f"{section}: {name.replace('_', ' ')}", _spelled(value), part) for name, value in numbers.items()]
    rows += [(f"not measured: {KEYS[key]}", found["not_measured"][key], "") for key in asked if found[key] is None]
    lines = ["| figure | value | measured |", "|---|---|---|"]
    lines += [f"| {name} | {value} | {measured} |" for name, value, measured in rows]
    lines += ["", "| part | seconds | on | measured | machine |", "|---|---|---|---|---|"]
    for part, each in found["parts"].items():
        lines.append(f"| {part} | {each['seconds'] or '—'} | {each['data']} | {_when(each)} | {_machine(each)} |")
    lines += [f"| {step} | {seconds} | | {_when(found)} | |" for step, seconds in found["steps"].items()]
    said = f"{_when(found)}, {found['data']}; {_machine(found)}; {found['seconds']:.0f} s."
    return "\n".join([said, "", *lines]) + "\n"


def _bears(measured: dict[str, Any] | None) -> str:
    return f"{measured['part']}, {_when(measured)}" if measured else ""


def _when(run: dict[str, Any]) -> str:
    return f"{run['at'][:16].replace('T', ' ')}, {run['commit'] or 'no commit'}{', a tenth' if run['quick'] else ''}"


def _machine(run: dict[str, Any]) -> str:
    where = run["machine"]
    kind = f"{'bf16' if where['bf16'] else 'no bf16'}{', AMX' if where['amx'] else ''}"
    return f"{where['cpu']}, {where['cores']} cores, {kind}, load {where['load_before']} before"


def _spelled(value: Value | str) -> str:
    if value is None:
        return "—"
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
