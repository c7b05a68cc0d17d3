"""What holds for every container of terraform/local: it may do little, and is reached from this machine only."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.deploy.terraform.planned import Planned, resources

pytestmark = pytest.mark.deploy

WRITES_ITS_OWN_FILES = {"rag-kafka"}
"""The image writes its configuration from variables."""
RUN_ONCE = {"rag-migrations"}


def ports_are_of_this_machine(container: Planned) -> bool:
    return all(port["ip"] == "127.0.0.1" for port in container.blocks("ports"))


def little_may_be_done(container: Planned) -> bool:
    values = container.values
    dropped = [each.get("drop") for each in container.blocks("capabilities")]
    added = {one for each in container.blocks("capabilities") for one in each.get("add") or []}
    return (
        not values.get("privileged")
        and dropped == [["ALL"]]
        and added <= {"DAC_OVERRIDE"}
        and values.get("security_opts") == ["no-new-privileges:true"]
        and (values.get("read_only") is True or values["name"] in WRITES_ITS_OWN_FILES)
    )


def the_engine_is_out_of_reach(container: Planned) -> bool:
    paths = [str(volume.get("host_path")) for volume in container.blocks("volumes")]
    return not any("docker.sock" in path or path in {"/", "/var/run", "/run"} for path in paths) and all(
        volume.get("read_only") is True for volume in container.blocks("volumes") if volume.get("host_path")
    )


def it_is_watched_and_bounded(container: Planned) -> bool:
    healthy = [each.get("test") for each in container.blocks("healthcheck")]
    runs_once = container.values["name"] in RUN_ONCE
    return (runs_once or bool(healthy and healthy[0])) and 0 < container.values.get("memory", 0) <= 8192


def its_variables_are_secret(container: Planned) -> bool:
    text = str(container.values.get("env"))
    return container.sensitive.get("env") is True or not any(letter * 16 in text for letter in "pqas")


POLICIES = {
    policy.__name__: policy
    for policy in (
        ports_are_of_this_machine,
        little_may_be_done,
        the_engine_is_out_of_reach,
        it_is_watched_and_bounded,
        its_variables_are_secret,
    )
}

Change = Callable[[dict[str, Any]], None]


def _change(name: str, value: object) -> Change:
    def change(values: dict[str, Any]) -> None:
        values[name] = value

    return change


MUTATIONS: list[tuple[str, Change]] = [
    ("ports_are_of_this_machine", _change("ports", [{"ip": "0.0.0.0", "internal": 1, "external": 1}])),  # noqa: S104
    ("little_may_be_done", _change("privileged", value=True)),
    ("little_may_be_done", _change("capabilities", [{"add": ["SYS_ADMIN"], "drop": ["ALL"]}])),
    ("little_may_be_done", _change("security_opts", [])),
    ("little_may_be_done", _change("read_only", value=False)),
    ("the_engine_is_out_of_reach", _change("volumes", [{"host_path": "/var/run/docker.sock", "read_only": True}])),
    ("the_engine_is_out_of_reach", _change("volumes", [{"host_path": "/etc", "read_only": False}])),
    ("it_is_watched_and_bounded", _change("healthcheck", [])),
    ("it_is_watched_and_bounded", _change("memory", 0)),
]


def _containers(plan: Mapping[str, Any]) -> list[Planned]:
    found = resources(plan, "docker_container")
    assert len(found) == 12
    return found


@pytest.mark.parametrize("name", POLICIES)
def test_policy_holds(name: str, local_plan: dict[str, Any]) -> None:
    assert [each.address for each in _containers(local_plan) if not POLICIES[name](each)] == []


@pytest.mark.parametrize(("name", "change"), MUTATIONS)
def test_policy_finds_a_breach(name: str, change: Change, local_plan: dict[str, Any]) -> None:
    broken = copy.deepcopy(local_plan)
    address = "module.query_api.docker_container.this"
    change(next(each["change"]["after"] for each in broken["resource_changes"] if each["address"] == address))

    assert [each.address for each in _containers(broken) if not POLICIES[name](each)] == [address]


def test_variables_shown_openly_are_found(local_plan: dict[str, Any]) -> None:
    broken = copy.deepcopy(local_plan)
    for each in broken["resource_changes"]:
        each["change"].pop("after_sensitive", None)

    assert [each.address for each in _containers(broken) if not its_variables_are_secret(each)]


def test_only_the_query_api_and_dagster_are_published(local_plan: dict[str, Any]) -> None:
    ports = {
        each.values["name"]: [(port["external"], port["internal"]) for port in each.blocks("ports")]
        for each in _containers(local_plan)
        if each.blocks("ports")
    }

    assert ports == {"rag-query-api": [(8000, 8000)], "rag-webserver": [(3000, 3000)]}


def test_servers_are_in_a_network_without_a_way_out(local_plan: dict[str, Any]) -> None:
    networks = {
        each.values["name"]: each.values.get("internal") is True for each in resources(local_plan, "docker_network")
    }
    inside = {
        each.values["name"]: [network["name"] for network in each.blocks("networks_advanced")]
        for each in _containers(local_plan)
    }

    assert networks == {"rag-inside": True, "rag-outside": False}
    for server in ("kafka", "postgres", "qdrant", "seaweedfs", "code", "daemon", "launcher", "listener"):
        assert inside[f"rag-{server}"] == ["rag-inside"]
