"""A stack started by ``rag up`` that is scraped by a real Prometheus and sends its spans to a real Jaeger."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.deploy.observability.faster import faster_rules
from tests.deploy.observability.processes import serving
from tests.deploy.tools import installed, tool
from tests.e2e.stack import ROOT, Stack
from tests.services.loopback import free_ports

SHELF = """\
name: shelf
sources:
  - {{name: folder, url: "{url}", watch: false, sweep: {{interval_s: 2}}}}
"""


OF_THE_MACHINE = {"RagDiskFilling", "RagDiskFull"}
"""Alerts on the disk of whatever machine the tests run on; nobody here fills or empties it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jaeger:
    """Where spans are sent, and where they are read back."""

    otlp: str
    query: str

    def spans(self, trace_id: str) -> list[dict[str, Any]]:
        """Return the spans of a trace with the names of their services; none where it is not known."""
        answer = httpx.get(f"{self.query}/api/traces/{trace_id}", timeout=10)
        if answer.status_code == 404:
            return []
        (trace,) = answer.raise_for_status().json()["data"]
        services = {key: process["serviceName"] for key, process in trace["processes"].items()}
        return [span | {"service": services[span["processID"]]} for span in trace["spans"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus:
    """One that scrapes the stack every second."""

    url: str

    def ask(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer; an error fails the test with Prometheus' words."""
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=20).json()
        assert answer["status"] == "success", f"{parameters}: {answer}"
        return answer["data"]

    def value(self, expression: str) -> list[dict[str, Any]]:
        """Return what an expression gives now."""
        return self.ask("query", query=expression)["result"]

    def firing(self) -> dict[str, dict[str, Any]]:
        """Return the alerts that fire, by name, but for those of the machine."""
        firing = [each for each in self.ask("alerts")["alerts"] if each["state"] == "firing"]
        return {name: each for each in firing if (name := each["labels"]["alertname"]) not in OF_THE_MACHINE}


@pytest.fixture(scope="module")
def jaeger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jaeger]:
    program = tool("jaeger")
    otlp, query, *others = free_ports(7)
    servers = (
        "collector.otlp.grpc",
        "collector.grpc-server",
        "collector.http-server",
        "query.grpc-server",
        "admin.http",
    )
    command = [
        program,
        "--collector.otlp.enabled=true",
        f"--collector.otlp.http.host-port=127.0.0.1:{otlp}",
        f"--query.http-server.host-port=127.0.0.1:{query}",
        *(f"--{name}.host-port=127.0.0.1:{port}" for name, port in zip(servers, others, strict=True)),
    ]
    log = tmp_path_factory.mktemp("jaeger") / "log"
    with serving(command, ready=f"http://127.0.0.1:{query}/", log=log):
        yield Jaeger(otlp=f"http://127.0.0.1:{otlp}", query=f"http://127.0.0.1:{query}")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of thirty documents: the source of the second collection."""
    folder = tmp_path_factory.mktemp("shelf")
    for number in range(30):
        (folder / f"book-{number}.md").write_text(f"# Book {number}\n\nThe {number}th book tells of harbours.\n")
    return folder


def watched_stack(folder: Path, shelf: Path, **settings: str) -> Stack:
    """A stack that takes uploads into ``notes`` and sweeps the shelf; not started yet."""
    stack = Stack(folder, more="uploads: {source: inbox}\n")
    (stack.collections / "shelf.yaml").write_text(SHELF.format(url=shelf.as_uri()))
    stack.environment |= {f"RAG_{name.upper()}": value for name, value in settings.items()}
    return stack


@pytest.fixture(scope="module")
def worker_port() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, stack: Stack, worker_port: int) -> Iterator[Prometheus]:
    """Debian's Prometheus with our rules on a faster clock, and our jobs at the stack's ports."""
    program = installed("prometheus", by="apt-get install --no-install-recommends prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "rules").mkdir()
    ours = ROOT / "deploy" / "observability"
    for rules in sorted((ours / "rules").glob("*.yaml")):
        faster_rules(rules, folder / "rules" / rules.name)
    configuration = yaml.safe_load((ours / "prometheus.yaml").read_text())
    configuration["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    targets = {"rag-api": stack.ports["API"], "rag-worker": worker_port}
    for job in configuration["scrape_configs"]:
        job["static_configs"] = [{"targets": [f"127.0.0.1:{targets[job['job_name']]}"]}]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    (port,) = free_ports(1)
    command = [
        program,
        f"--config.file={folder}/prometheus.yaml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with serving(command, ready=f"http://127.0.0.1:{port}/-/ready", log=folder / "log"):
        yield Prometheus(url=f"http://127.0.0.1:{port}")
