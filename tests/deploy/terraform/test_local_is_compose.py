"""terraform/local makes what the compose file starts: the same services, commands, variables, volumes and bounds."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.compose.test_consistency import OURS, SERVICES
from tests.deploy.terraform.docker_engine import docker_engine
from tests.deploy.terraform.planned import Planned, resources
from tests.deploy.terraform.tofu import Tofu

pytestmark = pytest.mark.deploy

WITH_PROFILES = {"kafka"}
FILLED = {
    "POSTGRES_PASSWORD": "p" * 32,
    "QDRANT_API_KEY": "q" * 32,
    "S3_ACCESS_KEY_ID": "a" * 16,
    "S3_SECRET_ACCESS_KEY": "s" * 32,
    "RAG_KAFKA": "kafka:9092",
}
"""What .env would say, with the secrets of the plan."""

COMPARED = {name: each for name, each in SERVICES.items() if set(each.get("profiles", ())) <= WITH_PROFILES}


@pytest.fixture(scope="module")
def containers(local_plan: dict[str, Any]) -> Mapping[str, Planned]:
    found = resources(local_plan, "docker_container")
    return {each.values["name"].removeprefix("rag-"): each for each in found}


def filled(value: Any) -> Any:
    """The compose file's value with its variables filled in."""
    text = re.sub(
        r"\$\{([A-Z_0-9]+):([?-])([^}]*)\}",
        lambda found: FILLED.get(found[1], found[3] if found[2] == "-" else ""),
        yaml.safe_dump(value, width=10_000),
    )
    return yaml.safe_load(text)


def test_the_services_are_the_same(containers: Mapping[str, Planned]) -> None:
    assert set(containers) == set(COMPARED)


@pytest.mark.parametrize("name", COMPARED)
def test_a_service_is_the_same(name: str, containers: Mapping[str, Planned]) -> None:
    wanted, made = filled(COMPARED[name]), containers[name].values
    variables = dict(each.split("=", 1) for each in made["env"] or ())
    # What is empty is left out there.
    assert variables == {key: str(value).rstrip(",") for key, value in wanted.get("environment", {}).items() if value}
    assert (made.get("command") or None) == wanted.get("command")
    assert (made.get("entrypoint") or None) == wanted.get("entrypoint")
    assert (made.get("user") or None) == wanted.get("user")
    assert made["read_only"] is wanted["read_only"]
    assert made["memory"] == _mib(wanted["mem_limit"])
    assert {one for each in made["capabilities"] for one in each["add"] or ()} == set(wanted.get("cap_add", ()))
    healthy = [each["test"] for each in containers[name].blocks("healthcheck")]
    assert healthy == ([wanted["healthcheck"]["test"]] if "healthcheck" in wanted else [])
    assert made["restart"] == wanted["restart"]
    assert made["must_run"] is (wanted["restart"] != "no")
    assert made["attach"] is (wanted["restart"] == "no")


@pytest.mark.parametrize("name", COMPARED)
def test_a_service_has_the_same_volumes_and_networks(name: str, containers: Mapping[str, Planned]) -> None:
    wanted, made = COMPARED[name], containers[name].values
    mounted = {
        f"{(each['volume_name'] or '').removeprefix('rag-') or 'ours'}:{each['container_path']}"
        for each in made["volumes"]
    }
    assert mounted == {
        f"{'ours' if source.startswith('.') else source}:{target.removesuffix(':ro')}"
        for source, _, target in (volume.partition(":") for volume in wanted.get("volumes", ()))
    }
    networks = {each["name"].removeprefix("rag-") for each in made["networks_advanced"]}
    # There sources elsewhere are for whoever says so: code_server_outside.
    assert networks == set(wanted["networks"]) - ({"outside"} if name == "code" else set())


def test_what_waits_for_the_migrations_there_waits_for_them_here(local_plan: dict[str, Any]) -> None:
    calls = local_plan["configuration"]["root_module"]["module_calls"]
    for name in OURS & set(COMPARED) - {"migrations"}:
        needed, seen = [name.replace("-", "_")], set[str]()
        while needed:
            call = needed.pop()
            seen.add(call)
            needed += [
                each.removeprefix("module.") for each in calls[call].get("depends_on", ()) if each[7:] not in seen
            ]
        assert "migrations" in seen, name


def test_containers_name_their_images_by_id(containers: Mapping[str, Planned], local_plan: dict[str, Any]) -> None:
    images = {each.values["name"] for each in resources(local_plan, "docker_image")}
    default = {re.sub(r"^\$\{[A-Z_]+:-(.*)\}$", r"\1", each["image"]) for each in COMPARED.values()}
    assert images == default
    for name, container in containers.items():
        assert container.unknown.get("image") is True, f"{name} names its image by tag"


def test_an_image_that_was_built_again_under_its_name_is_another_to_the_next_plan(
    local: Tofu, local_plan: dict[str, Any], tmp_path: Path
) -> None:
    names = [each.values["name"] for each in resources(local_plan, "docker_image")]
    built = {name: f"sha256:{number:064x}" for number, name in enumerate(names, start=1)}
    with docker_engine(built) as address:
        options = (f"-var=docker_host={address}", f"-state={tmp_path / 'with-images.tfstate'}")
        local.said("apply", "-auto-approve", "-input=false", "-no-color", "-target=docker_image.this", *options)
        before = _images(local.planned("before", *options))
        built["rag-assets/ingestion:local"] = f"sha256:{'f' * 64}"
        after = _images(local.planned("after", *options))

    changed = {name for name, image in after.items() if image != before[name]}
    assert changed == {"migrations", "code", "webserver", "daemon", "launcher", "listener"}
    assert {after[name] for name in changed} == {built["rag-assets/ingestion:local"]}
    assert after["worker"] == built["rag-assets/api:local"]


def _images(plan: Mapping[str, Any]) -> dict[str, str]:
    found = resources(plan, "docker_container")
    return {each.values["name"].removeprefix("rag-"): each.values["image"] for each in found}


def test_the_query_api_answers_to_a_proxys_name_too(local: Tofu) -> None:
    plan = local.planned("proxied", '-var=settings={RAG_API_HOSTS="ask.example.com"}')
    found = {each.values["name"]: each.values["env"] for each in resources(plan, "docker_container")}
    assert "RAG_API_HOSTS=query-api,ask.example.com" in found["rag-query-api"]


def _mib(text: str) -> int:
    number, unit = int(text[:-1]), text[-1]
    return number * 1024 if unit == "g" else number
