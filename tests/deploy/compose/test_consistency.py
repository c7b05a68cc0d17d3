"""The compose file and what it mounts, starts, asks and names: all of it is there, and none of it is open."""

import importlib.util
import itertools
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.compose.env_file import NAMES, PROFILES
from local_stack.dagster_home import INSTANCE
from query_api.exposure import host_names
from resources.clients.collection_files import load_collections
from resources.clients.settings import Settings
from tests.observability.promtool import promtool

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "compose"
TEXT = (FOLDER / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = {"migrations", "metrics-key", "model"}
OURS = {name for name, service in SERVICES.items() if "build" in service}


def mounts() -> Iterator[tuple[str, str]]:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            yield name, volume


def test_what_is_mounted_is_there() -> None:
    for name, volume in mounts():
        source, _, rest = volume.partition(":")
        if source.startswith("."):
            assert (FOLDER / source).exists(), f"{name}: {volume}"
            assert rest.endswith(":ro"), f"{name}: {volume} could be written to"
        else:
            assert source in COMPOSE["volumes"], f"{name}: {volume}"
    used = {volume.partition(":")[0] for _, volume in mounts()}
    assert set(COMPOSE["volumes"]) <= used


def test_only_this_machine_reaches_a_port() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True or name == "kafka"
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["networks"]
    assert "privileged" not in service
    assert ("healthcheck" in service) is (name not in ONCE)
    assert service["restart"] == ("no" if name in ONCE else "unless-stopped")
    tag = re.sub(r"^\$\{[A-Z_]+:-(.*)\}$", r"\1", service["image"]).rpartition(":")[2]
    assert (tag == "local") if name in OURS else re.match(r"v?\d+\.\d+", tag)


def test_what_a_service_waits_for_is_started_and_can_be_seen() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            other = SERVICES[needed]
            assert how["condition"] == ("service_completed_successfully" if needed in ONCE else "service_healthy"), (
                f"{name}: {needed}"
            )
            missing = set(other.get("profiles", ())) - set(service.get("profiles", ()))
            assert not missing or how.get("required") is False, f"{name} needs {needed}, which may not be started"


def test_our_services_are_set_up_by_settings_that_there_are() -> None:
    known = {f"RAG_{field.upper()}" for field in Settings.model_fields}
    for name in OURS:
        environment = SERVICES[name].get("environment", {})
        assert {each for each in environment if each.startswith("RAG_")} - known == set(), name
        assert not {"RAG_AUTH"} & set(environment), "it listens for other containers: keys are asked for"
    assert set(re.findall(r"\$\{([A-Z_0-9]+):\?", TEXT)) == set(NAMES)
    assert (FOLDER / ".env.example").read_text().count("=\n") == len(NAMES)


def test_who_mounts_the_folder_of_the_key_may_read_it() -> None:
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "deploy/images/Containerfile").read_text(), re.MULTILINE)
    assert user is not None
    readers = {name for name, volume in mounts() if volume.startswith("keys:")} - OURS
    assert readers == {"prometheus"}
    for name in readers:
        assert user[2] in map(str, SERVICES[name].get("group_add", ())), f"{name} is not of the folder's group"


def test_what_is_under_way_lies_on_a_disk() -> None:
    for name in ("code", "query-api", "worker", "launcher", "listener"):
        service = SERVICES[name]
        folder = service["environment"]["TMPDIR"]
        assert [volume for at, volume in mounts() if at == name and volume.endswith(f":{folder}")], name
        assert ["size=256m" in each for each in service["tmpfs"]] == [True], "a container's memory pays for it"


def test_the_query_api_answers_to_a_proxys_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = SERVICES["query-api"]["environment"]["RAG_API_HOSTS"]
    for own, told in (("", ()), ("ask.example.com,ask", ("ask.example.com", "ask"))):
        monkeypatch.setenv("RAG_API_HOSTS", given.replace("${RAG_API_HOSTS:-}", own))
        assert host_names(Settings(home=tmp_path)) == ("127.0.0.1", "localhost", "[::1]", "query-api", *told)


def test_a_profiles_settings_are_what_its_services_are_asked_by() -> None:
    there = {profile for service in SERVICES.values() for profile in service.get("profiles", ())}
    assert set(PROFILES) == there
    for profile, settings in PROFILES.items():
        for name, value in settings.items():
            assert f"${{{name}:-}}" in TEXT, name
            if found := re.search(r"([a-z]+):\d+", value.removeprefix("http://")):
                assert profile in SERVICES[found[1]].get("profiles", ()) or name == "RAG_CHAT_MODEL"


def test_our_services_start_what_there_is() -> None:
    targets = set(re.findall(r"^FROM \S+ AS (\S+)$", (ROOT / "deploy/images/Containerfile").read_text(), re.MULTILINE))
    for name in OURS:
        service = SERVICES[name]
        assert re.sub(r"^\$\{[A-Z_]+:-(.*)\}$", r"\1", service["build"]["target"]) in targets
        assert (FOLDER / service["build"]["context"]).resolve() == ROOT
        words = [*service.get("command", ()), *service.get("healthcheck", {}).get("test", ())]
        modules = [after for before, after in itertools.pairwise(words) if before == "-m"]
        assert [module for module in modules if importlib.util.find_spec(module) is None] == [], name


def test_services_ask_each_other_at_names_and_ports_that_they_have() -> None:
    asked = re.findall(r"\}@([a-z-]+):(\d+)", TEXT)
    files = [*FOLDER.rglob("*.yaml")]
    asked += [pair for file in files for pair in re.findall(r"https?://([a-z-]+):(\d+)", file.read_text())]
    scraped = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())["scrape_configs"]
    targets = [target for job in scraped for group in job["static_configs"] for target in group["targets"]]
    asked += [(host, port) for host, _, port in (target.partition(":") for target in targets)]
    code = yaml.safe_load((FOLDER / "dagster/workspace.yaml").read_text())["load_from"][0]["grpc_server"]
    asked.append((code["host"], str(code["port"])))
    assert {host for host, _ in asked} <= set(SERVICES)
    ports = {host: {port for other, port in asked if other == host} for host, _ in asked}
    assert ports == {
        "postgres": {"5432"},
        "qdrant": {"6333"},
        "seaweedfs": {"8333"},
        "webserver": {"3000"},
        "prometheus": {"9090"},
        "jaeger": {"16686"},
        "query-api": {"8000"},
        "worker": {"9101"},
        "code": {"4000"},
    }


def test_dagster_runs_as_on_one_machine() -> None:
    instance = yaml.safe_load((FOLDER / "dagster/dagster.yaml").read_text())
    ours = {name: value for name, value in INSTANCE.items() if name not in ("run_coordinator", "sensors")}
    assert instance["run_monitoring"].pop("max_runtime_seconds") == 6 * 3600
    assert {name: instance[name] for name in ours} == ours
    assert instance["run_coordinator"]["config"] == INSTANCE["run_coordinator"]["config"]


def test_the_collection_that_comes_with_it_is_sound(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FOLDER / "collections", tmp_path / "collections"))
    assert [loaded.collection.name for loaded in load_collections(folder)] == ["handbook"]


def test_prometheus_reads_its_configuration(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("x")
    text = (FOLDER / "prometheus.yaml").read_text().replace("/run/rag-keys/prometheus.key", str(key))
    file = tmp_path / "prometheus.yaml"
    file.write_text(text.replace("/etc/prometheus/rules", str(ROOT / "deploy/observability/rules")))
    promtool("check", "config", file)
