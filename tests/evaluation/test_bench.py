import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import results
from bench.corpora import made, queries, records
from bench.plot import history_svg
from bench.results import KEYS, Results
from tests.evaluation.collection import DOCUMENTS, QUERIES, write_collection


def test_every_named_figure_is_there_and_one_without_a_value_says_why(tmp_path: Path) -> None:
    measured = Results()
    measured.set("freshness_s_p50", 1.25)
    measured.miss("encoder_vs_sentence_transformers", "the models extra is not installed here")
    measured.tell("one new document", s_until_recorded=0.1)
    found = measured.to_json(quick=True, data="made documents", seconds=12)
    results.write(tmp_path, found)
    written = json.loads((tmp_path / "results.json").read_text())
    assert list(written)[: len(KEYS)] == list(KEYS)
    assert written["freshness_s_p50"] == 1.25
    assert (
        {key for key in KEYS if written[key] is None} == set(written["not_measured"]) == set(KEYS) - {"freshness_s_p50"}
    )
    table = (tmp_path / "results.md").read_text()
    assert "| seconds from file written to searchable, median | 1.250 |" in table
    assert "| one new document: s until recorded | 0.100 |" in table
    assert "| not measured: raw encoder, in chunks/s of sentence-transformers fp32 | the models extra" in table


def test_a_figure_that_has_no_name_cannot_be_recorded() -> None:
    with pytest.raises(KeyError):
        Results().set("flattering_number", 1)


def test_the_plot_has_a_chart_a_figure_and_a_point_a_measured_run(tmp_path: Path) -> None:
    for value in (2.0, None, 1.0):
        measured = Results()
        if value is not None:
            measured.set("one_edit_s", value)
        results.write(tmp_path, measured.to_json(quick=value == 1.0, data="<made>", seconds=1))
    runs = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [run["one_edit_s"] for run in runs] == [2.0, None, 1.0]
    svg = (tmp_path / "history.svg").read_text()
    assert svg == history_svg(runs, KEYS)
    space = {"s": "http://www.w3.org/2000/svg"}
    root = ElementTree.fromstring(svg)  # noqa: S314 - made by ourselves, just now
    assert len(root.findall("s:g", space)) == len(KEYS)
    assert [point.get("class") for point in root.findall(".//s:circle", space)] == ["p", "q"]


def test_made_documents_are_always_the_same_and_a_collection_is_taken_evenly(tmp_path: Path) -> None:
    assert list(made(20, words=60, seed=1)) == list(made(20, words=60, seed=1))
    assert len({record.text for record in made(20, words=60, seed=1)}) == 20
    folder = write_collection(tmp_path / "small")
    assert [record.id for record in records(folder, 2)] == list(DOCUMENTS)[::2][:2]
    asked = queries(folder, 5)
    assert asked[:2] == [QUERIES["q1"], QUERIES["q2"]]
    assert len(set(asked)) == 5
