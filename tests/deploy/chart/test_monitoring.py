"""The alerts as the chart packs them: those of observability, for this release, wherever it is installed."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.chart.rendering import CHART, ROOT, rendered
from tests.observability.promtool import promtool

pytestmark = pytest.mark.deploy

RULES = ROOT / "deploy" / "observability" / "rules"
PUT_IN = {
    'job=~"x-rag-assets-(api|answers)", namespace="rag"': 'job=~"(.+-)?rag(-.+)?"',
    'namespace=~"rag|qdrant"': 'namespace=~"rag.*|qdrant.*"',
    'absent(rag_catalog_up{namespace="rag"})': "absent(rag_catalog_up)",
    'rag_model_places{namespace="rag"}[1d]': "rag_model_places[1d]",
}
"""What the chart writes, and what stands in the rules for any installation."""
ELSEWHERE = {
    "fullnameOverride": "kb",
    "monitoring": {"prometheusRule": {"volumeNamespaces": ["vectors", "postgres"]}},
}


def packed(**how: Any) -> list[dict[str, Any]]:
    (rule,) = rendered("all", **how).of_kind("PrometheusRule").values()
    return rule["spec"]["groups"]


def test_rules_are_those_of_observability_with_selectors_of_the_release() -> None:
    assert (CHART / "prometheus-rules").resolve() == RULES
    found = packed()
    for rule in (rule for group in found for rule in group["rules"]):
        for here, anywhere in PUT_IN.items():
            rule["expr"] = rule["expr"].replace(here, anywhere)
    ours = [group for each in RULES.glob("*.yaml") for group in yaml.safe_load(each.read_text())["groups"]]
    assert sorted(found, key=_name) == sorted(ours, key=_name)


def test_alerts_find_a_release_of_any_name_in_any_namespace(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": packed(more=ELSEWHERE, namespace="knowledge")}))
    tried = Path(__file__).parent / "alerts_elsewhere.yaml"
    (tmp_path / "tried.yaml").write_text(tried.read_text())
    promtool("test", "rules", tmp_path / "tried.yaml")


def test_jobs_in_alerts_are_the_services_that_are_scraped() -> None:
    chart = rendered("all", more=ELSEWHERE, namespace="knowledge")
    services = {each["metadata"]["name"] for each in chart.of_kind("Service").values()}
    selectors = [each["spec"]["selector"]["matchLabels"] for each in chart.of_kind("ServiceMonitor").values()]
    scraped = {
        each["metadata"]["name"]
        for each in chart.of_kind("Service").values()
        if any(selector.items() <= each["metadata"]["labels"].items() for selector in selectors)
    }
    (down,) = (
        rule
        for group in chart.of_kind("PrometheusRule")["kb"]["spec"]["groups"]
        for rule in group["rules"]
        if rule.get("alert") == "RagApiDown"
    )
    (jobs,) = re.findall(r'up\{job=~"([^"]+)"', down["expr"])
    assert {name for name in services if re.fullmatch(jobs, name)} == scraped
    assert len(scraped) == 2


def test_a_scrape_has_time_for_an_index_that_hangs() -> None:
    (api,) = (each for name, each in rendered("all").of_kind("ServiceMonitor").items() if name == "api")
    (endpoint,) = api["spec"]["endpoints"]
    assert endpoint["scrapeTimeout"] == "12s"
    more = {"monitoring": {"serviceMonitor": {"intervalS": 5}}}
    (endpoint,) = rendered("all", more=more).of_kind("ServiceMonitor")["api"]["spec"]["endpoints"]
    assert (endpoint["interval"], endpoint["scrapeTimeout"]) == ("5s", "5s")


def _name(group: dict[str, Any]) -> str:
    return group["name"]
