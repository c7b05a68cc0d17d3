"""Prometheus beside a stack on one machine: by default it scrapes what listens by default, and nothing else."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from resources.clients.settings import Settings
from tests.observability.promtool import prometheus_program
from tests.observability.test_rules import OBSERVABILITY

JOBS = ("rag-api", "rag-worker")


def discovered(configuration: Path) -> Mapping[str, list[str]]:
    """Return the addresses that Prometheus finds for each job."""
    program = prometheus_program("promtool")
    asked = {
        job: subprocess.Popen(
            [program, "check", "service-discovery", "--timeout=2s", str(configuration), job],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for job in JOBS
    }
    said = {job: running.communicate(timeout=60)[0] for job, running in asked.items()}
    return {job: [target["labels"]["instance"] for target in json.loads(each)] for job, each in said.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As it is checked out, without targets that somebody added here."""
    ignored = shutil.ignore_patterns("worker*")
    return Path(shutil.copytree(OBSERVABILITY, tmp_path / "observability", ignore=ignored))


def test_the_api_alone_is_scraped_at_the_port_of_the_settings_default(folder: Path) -> None:
    fields = Settings.model_fields
    assert fields["worker_metrics"].default is None
    jobs = yaml.safe_load((folder / "prometheus.yaml").read_text())["scrape_configs"]
    assert tuple(job["job_name"] for job in jobs) == JOBS
    assert discovered(folder / "prometheus.yaml") == {
        "rag-api": [f"127.0.0.1:{fields['api_port'].default}"],
        "rag-worker": [],
    }


def test_other_ports_and_workers_are_scraped_where_the_targets_say_so(folder: Path) -> None:
    api = folder / "targets" / "api.yaml"
    api.write_text(api.read_text().replace("8000", "18000"))
    (folder / "targets" / "worker.yaml").write_text('- targets: ["127.0.0.1:9101"]\n')
    assert discovered(folder / "prometheus.yaml") == {
        "rag-api": ["127.0.0.1:18000"],
        "rag-worker": ["127.0.0.1:9101"],
    }
