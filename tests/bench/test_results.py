import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench import results
from bench.found import KEYS, NOT_ASKED, PARTS, Found
from bench.plot import history_svg
from bench.provenance import Run, machine
from bench.scale import Given
from bench.tables import table

GIVEN = Given(data=None, pdfs=None, events=Path("edits.json.gz"))


def found(part: str, values: Mapping[str, float], **reasons: str) -> Found:
    measured = Found(part=part, seconds=12.34, at="2026-11-21T10:00:00+00:00")
    for key, value in values.items():
        measured.set(key, value)
    for key, reason in reasons.items():
        measured.miss(key, reason)
    measured.tell(f"details of {part}", s_median=0.1)
    return measured


def as_json(*parts: Found, commit: str = "abc", quick: bool = False) -> dict[str, Any]:
    run = Run(commit=commit, machine=machine(), is_quick=quick)
    data = {part: GIVEN.of(part) for part in PARTS}
    return results.to_json(run, parts, data=data, documents="<made>", steps={"the stack comes up": 3.21}, seconds=99)


def whole(commit: str = "abc", **values: float) -> dict[str, Any]:
    """A run of all parts."""
    return as_json(*(found(part, {key: values.get(key, 1.5) for key in keys}) for part, keys in PARTS.items()))


def read(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "results.json").read_text())


def test_every_figure_belongs_to_one_part() -> None:
    assert sorted(key for keys in PARTS.values() for key in keys) == sorted(KEYS)


def test_every_named_figure_is_there_and_one_without_a_value_says_why(tmp_path: Path) -> None:
    ingestion = found("ingestion", {"end_to_end_vs_encoder": 0.9}, run_peak_mb="no run was seen")
    results.write(tmp_path, as_json(ingestion))
    written = read(tmp_path)
    assert list(written)[: len(KEYS)] == list(KEYS)
    assert written["end_to_end_vs_encoder"] == 0.9
    assert {key for key in KEYS if written[key] is None} == set(written["not_measured"])
    assert written["not_measured"]["run_peak_mb"] == "no run was seen"
    assert written["not_measured"]["one_edit_s"] == NOT_ASKED
    lines = (tmp_path / "results.md").read_text()
    assert f"| {KEYS['end_to_end_vs_encoder']} | 0.900 | ingestion, 2026-11-21 10:00, abc |" in lines
    assert "| details of ingestion: s median | 0.100 | ingestion |" in lines
    assert f"| not measured: {KEYS['run_peak_mb']} | no run was seen |" in lines
    assert "| ingestion | 12.3 | made documents | 2026-11-21 10:00, abc |" in lines
    assert "| the stack comes up | 3.2 |" in lines
    assert KEYS["one_edit_s"] not in lines


def test_a_figure_that_has_no_name_or_is_another_parts_cannot_be_recorded() -> None:
    for key in ("flattering_number", "one_edit_s"):
        with pytest.raises(KeyError):
            Found(part="ticks").set(key, 1)


def test_a_figure_says_with_what_it_was_measured() -> None:
    written = as_json(found("kafka", {"kafka_records_vs_bare": 0.2}), commit="def", quick=True)
    assert written["measured"] == {
        "kafka_records_vs_bare": {
            "part": "kafka",
            "at": "2026-11-21T10:00:00+00:00",
            "commit": "def",
            "quick": True,
            "data": "edits.json.gz",
            "seconds_of_part": 12.3,
        }
    }
    assert written["parts"]["kafka"]["machine"]["cores"] == machine()["cores"]


def test_results_from_before_there_was_a_part_take_the_parts_measured_later(tmp_path: Path) -> None:
    before = whole()
    for key in PARTS["load"]:
        del before[key], before["measured"][key]
    del before["parts"]["load"]
    (tmp_path / "results.json").write_text(json.dumps(before))
    results.write(tmp_path, as_json(found("ticks", {"tick_s_100k_objects": 7.2})))
    assert read(tmp_path)["not_measured"]["load_errors"] == NOT_ASKED
    results.write(tmp_path, as_json(found("load", {"load_errors": 0, "load_growth_mb": 1.5})))
    after = read(tmp_path)
    assert (after["load_errors"], "load_errors" in after["not_measured"]) == (0, False)
    assert list(after)[: len(KEYS)] == list(KEYS)


def test_a_part_measured_alone_replaces_its_own_figures_and_no_other(tmp_path: Path) -> None:
    results.write(tmp_path, whole())
    before = read(tmp_path)
    later = found("ticks", {"tick_s_100k_objects": 7.2})
    later.details = {"sweep": {"seconds": 7.2}}
    results.write(tmp_path, as_json(later, commit="def", quick=True))
    after = read(tmp_path)
    assert after["tick_s_100k_objects"] == 7.2
    assert after["measured"]["tick_s_100k_objects"]["commit"] == "def"
    assert after["parts"]["ticks"]["details"] == {"sweep": {"seconds": 7.2}}
    same = [key for key in before if key not in ("tick_s_100k_objects", "measured", "parts")]
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert {**after["measured"], "tick_s_100k_objects": 0} == {**before["measured"], "tick_s_100k_objects": 0}
    assert "ticks, 2026-11-21 10:00, def, a tenth |" in (tmp_path / "results.md").read_text()


def test_a_figure_that_was_missing_loses_its_reason_when_it_is_measured(tmp_path: Path) -> None:
    parts = [found(part, dict.fromkeys(keys, 1.5)) for part, keys in PARTS.items() if part != "ticks"]
    results.write(tmp_path, as_json(*parts, found("ticks", {}, tick_s_100k_objects="the database was away")))
    assert read(tmp_path)["not_measured"] == {"tick_s_100k_objects": "the database was away"}
    results.write(tmp_path, as_json(found("ticks", {"tick_s_100k_objects": 7.2})))
    assert read(tmp_path)["not_measured"] == {}


def test_a_part_that_fails_alone_leaves_what_stands_there(tmp_path: Path) -> None:
    results.write(tmp_path, whole())
    before = read(tmp_path)
    results.write(tmp_path, as_json(found("ticks", {}, tick_s_100k_objects="the database was away"), commit="def"))
    assert read(tmp_path) == before


def test_a_part_measured_with_a_figure_less_says_why_it_has_none(tmp_path: Path) -> None:
    results.write(tmp_path, whole())
    results.write(tmp_path, as_json(found("ingestion", {"end_to_end_vs_encoder": 0.9}, run_peak_mb="no run was seen")))
    after = read(tmp_path)
    assert after["run_peak_mb"] is None
    assert after["not_measured"] == {"run_peak_mb": "no run was seen"}
    assert "run_peak_mb" not in after["measured"]


def test_only_a_run_of_all_parts_is_history(tmp_path: Path) -> None:
    results.write(tmp_path, whole())
    results.write(tmp_path, as_json(found("ticks", {"tick_s_100k_objects": 7.2})))
    (line,) = (tmp_path / "history.jsonl").read_text().splitlines()
    assert json.loads(line)["tick_s_100k_objects"] == 1.5


def test_the_plot_has_a_chart_a_figure_and_a_point_a_measured_run(tmp_path: Path) -> None:
    for value in (2.0, None, 1.0):
        parts = [found(part, dict.fromkeys(keys, 1.5)) for part, keys in PARTS.items() if part != "edit"]
        edit = found("edit", {} if value is None else {"one_edit_s": value})
        results.write(tmp_path, as_json(*parts, edit, quick=value == 1.0))
    runs = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [run["one_edit_s"] for run in runs] == [2.0, None, 1.0]
    svg = (tmp_path / "history.svg").read_text()
    assert svg == history_svg(runs, KEYS)
    space = {"s": "http://www.w3.org/2000/svg"}
    root = ElementTree.fromstring(svg)  # noqa: S314 - made by ourselves, just now
    charts = dict(zip(KEYS, root.findall("s:g", space), strict=True))
    assert [point.get("class") for point in charts["one_edit_s"].findall(".//s:circle", space)] == ["p", "q"]


def test_the_results_that_are_kept_have_every_figure_and_their_own_table() -> None:
    kept = Path(results.__file__).parent
    written = read(kept)
    assert list(written)[: len(KEYS)] == list(KEYS)
    assert {key for key in KEYS if written[key] is None} == set(written["not_measured"])
    assert set(written["measured"]) == set(KEYS) - set(written["not_measured"])
    assert (kept / "results.md").read_text() == table(written)
