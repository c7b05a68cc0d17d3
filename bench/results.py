"""What is written of a run: ``results.json``, the same as a table, the history.

Every figure bears the run that measured it: a part that was measured alone later replaces its own figures, and says so.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.found import KEYS, NOT_ASKED, PARTS, Found
from bench.plot import history_svg
from bench.provenance import Run, now
from bench.tables import table

_HISTORY = ("at", "commit", "quick", "data", "seconds", "machine", *KEYS)


def to_json(
    run: Run,
    parts: Iterable[Found],
    *,
    data: Mapping[str, str],
    documents: str,
    steps: Mapping[str, float],
    seconds: float,
) -> dict[str, Any]:
    """Return what ``results.json`` holds: every named key, null where ``not_measured`` says why.

    ``measured`` says of each figure with which commit, when and on what it was measured; ``parts`` have the details.
    ``data`` names what each part is measured on, ``steps`` are the seconds that no part took.
    """
    found = {each.part: each for each in parts}
    values = {key: value for each in found.values() for key, value in each.values.items()}
    reasons = dict.fromkeys(KEYS, NOT_ASKED) | {k: why for each in found.values() for k, why in each.reasons.items()}
    written: dict[str, Any] = {key: values.get(key) for key in KEYS}
    written["not_measured"] = {key: reasons[key] for key in KEYS if values.get(key) is None}
    written["measured"] = {}
    written["parts"] = {}
    for each in found.values():
        bears = {"at": each.at or now(), "commit": run.commit, "quick": run.is_quick, "data": data[each.part]}
        for key in (key for key in PARTS[each.part] if key in each.values):
            written["measured"][key] = {"part": each.part, **bears, "seconds_of_part": round(each.seconds, 1)}
        written["parts"][each.part] = {
            **bears,
            "seconds": round(each.seconds, 1),
            "machine": run.machine,
            "details": each.details,
        }
    return {
        **written,
        "quick": run.is_quick,
        "data": documents,
        "seconds": round(seconds, 1),
        "steps": {name: round(spent, 1) for name, spent in steps.items()},
        "at": now(),
        "commit": run.commit,
        "machine": run.machine,
    }


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``old`` with each part of ``new`` that measured a figure in the place of its own.

    What stands outside of the parts stays that of the last whole run.
    """
    newer = {key: NOT_ASKED for key in KEYS if key not in old}  # a part that was not there yet
    result = {**dict.fromkeys(KEYS), **old}
    measured, reasons, parts = dict(old["measured"]), {**newer, **old["not_measured"]}, dict(old["parts"])
    for part, found in new["parts"].items():
        if all(new[key] is None for key in PARTS[part]):
            continue
        parts[part] = found
        for key in PARTS[part]:
            result[key] = new[key]
            for where, theirs in ((measured, new["measured"]), (reasons, new["not_measured"])):
                where.pop(key, None)
                if key in theirs:
                    where[key] = theirs[key]
    result["measured"] = {key: measured[key] for key in KEYS if key in measured}
    result["not_measured"] = {key: reasons[key] for key in KEYS if key in reasons}
    result["parts"] = {part: parts[part] for part in PARTS if part in parts}
    return result


def write(folder: Path, found: dict[str, Any]) -> dict[str, Any]:
    """Write ``results.json`` and ``results.md``, and a whole run into the history with its plot; return what stands.

    A run of some parts goes into the results that are there; where there are none, it is all there is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "results.json"
    is_whole = set(found["parts"]) == set(PARTS)
    if not is_whole and path.exists():
        found = merged(json.loads(path.read_text(encoding="utf-8")), found)
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (folder / "results.md").write_text(table(found), encoding="utf-8")
    if is_whole:
        history = folder / "history.jsonl"
        with history.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({key: found[key] for key in _HISTORY}) + "\n")
        runs = [json.loads(line) for line in history.read_text(encoding="utf-8").splitlines() if line.strip()]
        (folder / "history.svg").write_text(history_svg(runs, KEYS), encoding="utf-8")
    return found
