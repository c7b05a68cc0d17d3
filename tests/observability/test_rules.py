"""Rules and alerts: read by Prometheus' own tool, tried on series, asking only for what our processes export."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from query_api.observing.names import REQUESTS
from query_api.observing.requests import QUIET
from tests.observability.dashboards import FILES, expressions
from tests.observability.expressions import asked_by, faults, grouped_by
from tests.observability.promtool import promtool

ROOT = Path(__file__).parents[2]
OBSERVABILITY = ROOT / "deploy" / "observability"
RULES = sorted((OBSERVABILITY / "rules").glob("*.yaml"))
TRIED = sorted((Path(__file__).parent / "rules").glob("*.yaml"))
PREFIX = "{{ $externalLabels.runbooks }}"
"""Where the pages are read, as whoever runs Prometheus, or the chart, says it."""
RUNBOOKS = (OBSERVABILITY / "runbooks.txt").read_text().split()


def every_rule() -> Iterator[dict[str, Any]]:
    for file in RULES:
        for group in yaml.safe_load(file.read_text())["groups"]:
            yield from group["rules"]


ALERTS = [rule for rule in every_rule() if "alert" in rule]
RECORDED = frozenset(rule["record"] for rule in every_rule() if "record" in rule)


def test_prometheus_reads_the_rules() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", *RULES)


@pytest.mark.parametrize("tried", TRIED, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(tried: Path) -> None:
    promtool("test", "rules", tried)


def test_rules_ask_only_for_what_is_exported_or_recorded() -> None:
    found = {rule.get("alert") or rule["record"]: faults(rule["expr"], RECORDED) for rule in every_rule()}
    assert {name: each for name, each in found.items() if each} == {}


def test_alerts_and_totals_count_no_probes() -> None:
    panels = [(title, expression) for file in FILES for title, expression in expressions(file)]
    ruled = [(rule.get("alert") or rule["record"], rule["expr"]) for rule in every_rule()]
    counted = [
        (name, asked.matched)
        for name, expression in [*panels, *ruled]
        for asked in asked_by(expression)
        if asked.name == REQUESTS.name and "route" not in grouped_by(expression)
    ]
    assert len(counted) > 6
    assert [name for name, matched in counted if set(matched.get("route", "").split("|")) != QUIET] == []


def test_what_nobody_exports_is_found() -> None:
    assert faults('sum by (colection) (rate(rag_dead_leters{stream="a"}[5m])) > 0') == [
        "nobody exports rag_dead_leters",
        "rag_dead_leters has no label stream",
        "nothing has the label colection",
    ]
    assert faults('rag_arrival_to_searchable_seconds_bucket{le="61"}') == [
        "rag_arrival_to_searchable_seconds_bucket has no bucket 61"
    ]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_what_is_wrong_and_where_to_read_on(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert alert["for"]
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert runbook(alert) in RUNBOOKS


def test_each_thing_that_goes_wrong_has_an_alert() -> None:
    assert {runbook(alert) for alert in ALERTS} == set(RUNBOOKS)


def runbook(alert: dict[str, Any]) -> str:
    url = alert["annotations"]["runbook_url"]
    assert url.startswith(f"{PREFIX}docs/runbooks/")
    return url.removeprefix(f"{PREFIX}docs/runbooks/").removesuffix(".md")


def test_each_alert_is_seen_firing() -> None:
    text = "".join(tried.read_text() for tried in TRIED)
    seen = set(re.findall(r"alertname(?:=|: )\"?(\w+)", text))
    assert {alert["alert"] for alert in ALERTS} - seen == set()


def test_prometheus_reads_its_configuration() -> None:
    promtool("check", "config", OBSERVABILITY / "prometheus.yaml")
