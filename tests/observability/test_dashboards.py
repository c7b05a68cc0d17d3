"""Dashboards: written by code alone, read by Prometheus' own tool, asking only for what our processes export."""

import json
from pathlib import Path

import pytest
import yaml

from query_api.observing import names
from tests.observability.dashboards import FILES, FOLDER, expressions, filled_in
from tests.observability.expressions import asked_by, faults
from tests.observability.promtool import promtool
from tests.observability.test_rules import RECORDED


def test_the_same_code_writes_the_same_bytes() -> None:
    from deploy.observability.dashboards.__main__ import written

    assert written() == {file.name: file.read_text() for file in FILES}, "python -m deploy.observability.dashboards"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_prometheus_reads_every_expression(file: Path, tmp_path: Path) -> None:
    asked = [filled_in(expression) for _, expression in expressions(file)]
    assert len(asked) > 15
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(asked)]
    as_rules = tmp_path / "rules.yaml"
    as_rules.write_text(yaml.safe_dump({"groups": [{"name": file.stem, "rules": rules}]}))
    promtool("check", "rules", as_rules)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_panels_ask_only_for_what_is_exported_or_recorded(file: Path) -> None:
    found = {title: faults(filled_in(expression), RECORDED) for title, expression in expressions(file)}
    assert {title: each for title, each in found.items() if each} == {}


def test_every_metric_of_ours_is_shown_or_alerted_on() -> None:
    from tests.observability.test_rules import every_rule

    panels = [filled_in(expression) for file in FILES for _, expression in expressions(file)]
    asked = {each.name for text in (*panels, *(rule["expr"] for rule in every_rule())) for each in asked_by(text)}
    ours = {metric for metric in names.EVERY_METRIC if metric.name.startswith("rag_")}
    assert {metric.name for metric in ours if not metric.series & asked} == set()


def test_panels_have_ids_of_their_own_and_say_what_they_show() -> None:
    assert {file.stem for file in FILES} == {"ingestion", "answers"}
    for file in FILES:
        panels = json.loads((FOLDER / file.name).read_text())["panels"]
        assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
        shown = [panel for panel in panels if panel["type"] != "row"]
        assert all(panel["description"] and panel["targets"] for panel in shown)
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
        assert len(set(places)) == len(places)
