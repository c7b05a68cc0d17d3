"""What the images hold, installed by the Containerfile's own steps, runs every command of the chart."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.deploy.chart.rendering import rendered
from tests.deploy.images.containerfile import Containerfile
from tests.deploy.images.installing import Installed, base_python, is_for_everyone
from tests.services.loopback import free_port, wait_until
from tests.services.postgres import PASSWORD, PostgresServer

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900), pytest.mark.xdist_group("images")]

USER = 10001
AWAY = "http://127.0.0.1:1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What the chart says of every component, its addresses turned into those of this machine."""

    home: Path
    settings: dict[str, str]
    pods: dict[str, Any]
    ports: dict[str, int]

    def here(self, text: str) -> str:
        """The text with the chart's hosts and ports turned into ours."""
        for name, port in self.ports.items():
            text = text.replace(name, str(port))
        return text.replace("0.0.0.0", "127.0.0.1").replace("x-rag-assets-webserver:", "127.0.0.1:")  # noqa: S104


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # Not pytest's: that is closed to others, and the programs run as somebody else.
    place = Path(tempfile.mkdtemp(prefix="rag-images-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place, ignore_errors=True)


def _installed(folder: Path, target: str) -> Installed:
    root = folder / target
    root.mkdir(mode=0o755)
    installed = Installed(root=root, target=target, containerfile=Containerfile.read())
    installed.make()
    return installed


@pytest.fixture(scope="module")
def api(folder: Path) -> Installed:
    return _installed(folder, "api")


@pytest.fixture(scope="module")
def ingestion(folder: Path) -> Installed:
    return _installed(folder, "ingestion")


@pytest.fixture(scope="module")
def platform(folder: Path) -> Iterator[Platform]:
    chart = rendered(more={"listener": {"enabled": True}, "objectStore": {"endpoint": AWAY}})
    with PostgresServer() as postgres:
        ports = {"3000": free_port(), "4000": free_port(), "8000": free_port(), "9101": free_port()}
        settings = dict(chart.of_kind("ConfigMap")["settings"]["data"])
        for name in ("RAG_DATABASE_URL", "DAGSTER_POSTGRES_URL"):
            place = f"127.0.0.1:{postgres.port}"
            settings[name] = (
                settings[name].replace("postgres.example:5432", place).replace("sslmode=require", "sslmode=disable")
            )
        settings |= {"RAG_QDRANT_URL": AWAY, "PGUSER": "rag", "PGPASSWORD": PASSWORD}
        home = folder / "configuration"
        home.mkdir()
        made = Platform(home=home, settings=settings, pods=chart.pods(), ports=ports)
        _configure(made, chart.of_kind("ConfigMap"))
        yield made


def _configure(platform: Platform, maps: dict[str, Any]) -> None:
    collections = platform.home / "collections"
    collections.mkdir()
    for name, text in maps["collections"]["data"].items():
        (collections / name).write_text(text, encoding="utf-8")
    dagster = platform.home / "dagster"
    dagster.mkdir()
    instance = yaml.safe_load(maps["dagster"]["data"]["dagster.yaml"])
    kubeconfig = platform.home / "kubeconfig"  # a cluster that is away, in place of the one around a pod
    cluster = {"name": "away", "cluster": {"server": AWAY}}
    context = {"name": "away", "context": {"cluster": "away", "user": "nobody"}}
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "clusters": [cluster],
                "contexts": [context],
                "users": [{"name": "nobody", "user": {}}],
                "current-context": "away",
            }
        ),
        encoding="utf-8",
    )
    instance["run_launcher"]["config"] |= {"load_incluster_config": False, "kubeconfig_file": str(kubeconfig)}
    (dagster / "dagster.yaml").write_text(yaml.safe_dump(instance), encoding="utf-8")
    workspace = maps["dagster"]["data"]["workspace.yaml"].replace("x-rag-assets-code-server", "127.0.0.1")
    (dagster / "workspace.yaml").write_text(platform.here(workspace), encoding="utf-8")


def _command(platform: Platform, component: str) -> list[str]:
    words = platform.pods[component]["spec"]["containers"][0]["command"]
    place = "/var/lib/rag/dagster"
    return [platform.here(word).replace(place, str(platform.home / "dagster")) for word in words]


def _environment(platform: Platform, installed: Installed, component: str) -> dict[str, str]:
    container = platform.pods[component]["spec"]["containers"][0]
    own = {each["name"]: platform.here(each["value"]) for each in container["env"] if "value" in each}
    ours = {
        "DAGSTER_HOME": str(platform.home / "dagster"),
        "RAG_COLLECTIONS": str(platform.home / "collections"),
        "RAG_HEARTBEAT": str(installed.root / "tmp" / f"{component}.heartbeat"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return installed.environment() | platform.settings | own | platform.settings | ours


def _is_another_user() -> bool:
    return os.geteuid() == 0 and is_for_everyone(base_python())


def _as_user() -> dict[str, Any]:
    return {"user": USER, "group": USER, "extra_groups": []} if _is_another_user() else {}


def _run(
    platform: Platform, installed: Installed, component: str, command: list[str]
) -> subprocess.CompletedProcess[str]:
    environment = _environment(platform, installed, component)
    program = shutil.which(command[0], path=environment["PATH"])
    assert program is not None, f"{command[0]} is not installed"
    return subprocess.run(
        [program, *command[1:]],
        env=environment,
        cwd=environment["HOME"],
        capture_output=True,
        text=True,
        timeout=120,
        **_as_user(),
    )


@contextlib.contextmanager
def _started(platform: Platform, installed: Installed, component: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = _environment(platform, installed, component)
    command = _command(platform, component)
    program = shutil.which(command[0], path=environment["PATH"])
    assert program is not None, f"{command[0]} is not installed"
    log = platform.home / f"{component}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [program, *command[1:]], env=environment, cwd=environment["HOME"], stdout=out, stderr=out, **_as_user()
        )
        try:
            yield process
        except BaseException as error:
            error.add_note(f"{component} said:\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}")
            raise
        finally:
            members = [process, *psutil.Process(process.pid).children(recursive=True)] if process.poll() is None else []
            for each in members:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.terminate()
            process.wait(30)


def _is_well(platform: Platform, installed: Installed, component: str, probe: dict[str, Any]) -> bool:
    """Ask as a kubelet would."""
    if "exec" in probe:
        return _run(platform, installed, component, probe["exec"]["command"]).returncode == 0
    if "grpc" in probe:
        with grpc.insecure_channel(f"127.0.0.1:{platform.ports[str(probe['grpc']['port'])]}") as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            try:
                answer = stub.Check(health_pb2.HealthCheckRequest(service=probe["grpc"]["service"]), timeout=5)
            except grpc.RpcError:
                return False
            return answer.status == health_pb2.HealthCheckResponse.SERVING
    container = platform.pods[component]["spec"]["containers"][0]
    port = next(str(each["containerPort"]) for each in container["ports"] if each["name"] == probe["httpGet"]["port"])
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{platform.ports[port]}{probe['httpGet']['path']}", timeout=5):
            return True
    except OSError:
        return False


def _answers_its_probes(platform: Platform, installed: Installed, component: str) -> None:
    container = platform.pods[component]["spec"]["containers"][0]
    with _started(platform, installed, component) as process:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if probe not in container:
                continue
            wait_until(
                lambda probe=probe: (
                    process.poll() is not None or _is_well(platform, installed, component, container[probe])
                ),
                what=f"{component} to answer its {probe}",
                limit_s=120,
            )
            assert process.poll() is None, f"{component} ended"
        assert psutil.Process(process.pid).uids().effective == (USER if _is_another_user() else os.geteuid())


def test_api_image_holds_no_dagster(api: Installed, platform: Platform) -> None:
    packages = {each.name.lower() for each in (api.root / "opt/rag/lib").glob("python*/site-packages/*")}
    assert not [name for name in packages if name.startswith(("dagster", "torch", "pip-"))]
    imports = "import sys, query_api.app, query_api.worker; print([m for m in sys.modules if m.startswith('dagster')])"
    done = _run(platform, api, "api", ["python", "-c", imports])
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


@pytest.mark.parametrize("target", ["api", "ingestion"])
def test_what_runs_can_not_write_into_its_install(
    target: str, request: pytest.FixtureRequest, platform: Platform
) -> None:
    installed: Installed = request.getfixturevalue(target)
    if not _is_another_user():
        pytest.skip("only root can run something as somebody else, and only a Python that others may run")
    place = installed.placed("/opt/rag/lib/written")
    done = _run(platform, installed, "api", ["python", "-c", f"open({place!r}, 'w')"])
    assert "PermissionError" in done.stderr


def test_default_command_of_the_api_image_answers_its_health_check(api: Installed, platform: Platform) -> None:
    file = api.containerfile
    assert file.command_of("api") == platform.pods["api"]["spec"]["containers"][0]["command"]
    with _started(platform, api, "api"):
        wait_until(lambda: _run(platform, api, "api", file.health_check_of("api")).returncode == 0, what="the API")
    assert _run(platform, api, "api", file.health_check_of("api")).returncode == 1


@pytest.mark.parametrize("component", ["api", "answers"])
def test_components_of_the_api_image_answer_their_probes(component: str, api: Installed, platform: Platform) -> None:
    _answers_its_probes(platform, api, component)


def test_migrations_make_the_tables(ingestion: Installed, platform: Platform) -> None:
    done = _run(platform, ingestion, "migrations", _command(platform, "migrations"))
    assert done.returncode == 0, done.stderr


def test_default_command_of_the_ingestion_image_answers_its_health_check(
    ingestion: Installed, platform: Platform
) -> None:
    file = ingestion.containerfile
    assert file.command_of("ingestion") == platform.pods["code-server"]["spec"]["containers"][0]["command"]
    check = [platform.here(word) for word in file.health_check_of("ingestion")]
    with _started(platform, ingestion, "code-server"):
        wait_until(lambda: _run(platform, ingestion, "code-server", check).returncode == 0, what="the code server")


@pytest.mark.parametrize("component", ["code-server", "webserver", "daemon", "listener", "launcher"])
def test_components_of_the_ingestion_image_answer_their_probes(
    component: str, ingestion: Installed, platform: Platform
) -> None:
    migrated = _run(platform, ingestion, "migrations", _command(platform, "migrations"))
    assert migrated.returncode == 0, migrated.stderr
    with contextlib.ExitStack() as stack:
        if component in ("webserver", "daemon"):
            stack.enter_context(_started(platform, ingestion, "code-server"))
        _answers_its_probes(platform, ingestion, component)


def test_command_line_is_in_the_ingestion_image(ingestion: Installed, platform: Platform) -> None:
    keys = ["rag", "keys", "create", "first", "--scope", "admin", "--all-collections", "--all-documents"]
    done = _run(platform, ingestion, "code-server", keys)
    assert done.returncode == 0, done.stderr
