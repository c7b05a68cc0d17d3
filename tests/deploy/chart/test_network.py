"""Network policies let through what the values' addresses say, each component to its own servers."""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.deploy.chart.rendering import SETS, Rendered, rendered

pytestmark = pytest.mark.deploy

ADDRESSES = {
    "RAG_DATABASE_URL": "database",
    "DAGSTER_POSTGRES_URL": "database",
    "RAG_TIMESCALE_URL": "database",
    "RAG_QDRANT_URL": "vectors",
    "AWS_ENDPOINT_URL": "objects",
    "RAG_KAFKA": "kafka",
    "RAG_CHAT_URL": "chat",
    "RAG_OTLP_ENDPOINT": "spans",
    "OAUTH2_PROXY_OIDC_ISSUER_URL": "identity",
}
ASKS = {
    "webserver": {"database", "objects"},
    "daemon": {"database", "objects"},
    "code-server": {"database", "objects", "vectors", "kafka"},
    "run": {"database", "objects", "vectors", "spans"},
    "launcher": {"database", "objects", "vectors"},
    "listener": {"database", "objects", "kafka"},
    "api": {"database", "objects", "vectors", "chat", "spans"},
    "answers": {"database", "vectors", "chat", "spans"},
    "recovery": {"database", "objects", "vectors"},
    "migrations": {"database"},
    "auth-proxy": {"identity"},
}
"""Of which servers each component asks something."""


def addresses(chart: Rendered) -> dict[str, set[int]]:
    """Return the ports of the servers by kind, as the programs are told of them."""
    told = dict(chart.of_kind("ConfigMap")["settings"]["data"])
    for pod in chart.pods().values():
        told |= {each["name"]: each.get("value", "") for each in pod["spec"]["containers"][0]["env"]}
    found: dict[str, set[int]] = {kind: set() for kind in ADDRESSES.values()}
    for name, kind in ADDRESSES.items():
        found[kind] |= {port_of(each) for each in told.get(name, "").split(",") if each}
    return found


def port_of(address: str) -> int:
    if "://" not in address:
        return int(address.rpartition(":")[2])
    url = urlsplit(address)
    return url.port or {"https": 443, "http": 80}[url.scheme]


def allowed(policy: dict[str, Any]) -> set[int]:
    rules = [rule for rule in policy["spec"]["egress"] if "podSelector" not in str(rule.get("to", ""))]
    assert all(rule["ports"] for rule in rules), "a rule without ports allows every one"
    return {port["port"] for rule in rules for port in rule["ports"]}


@pytest.mark.parametrize("name", SETS)
def test_each_component_reaches_the_servers_that_the_values_name(name: str) -> None:
    chart = rendered(name)
    ports, policies = addresses(chart), chart.of_kind("NetworkPolicy")
    for component in {*chart.pods(), "run"}:
        wanted = set[int]().union(*(ports[kind] for kind in ASKS[component]))
        assert wanted <= allowed(policies[component]), component
    assert ports["database"], "nothing was looked at"


def test_a_port_that_no_address_names_any_more_is_shut() -> None:
    policies = rendered("elsewhere").of_kind("NetworkPolicy")
    assert allowed(policies["migrations"]) == {53, 6432}
    assert allowed(policies["auth-proxy"]) == {53, 8443}
    assert allowed(policies["api"]) == {53, 6432, 9000, 443, 16333, 8000}


def test_every_address_of_the_settings_is_looked_at() -> None:
    told = rendered("all").of_kind("ConfigMap")["settings"]["data"]
    named = {name for name, value in told.items() if re.search(r"://|:[0-9]+", value) and name != "RAG_PARQUET"}
    assert named <= ADDRESSES.keys()
