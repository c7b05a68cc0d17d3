"""The chart on a real API server: taken strictly, installed with its hook, upgraded, rolled back, and gone."""

import json
import subprocess
from typing import Any

import psycopg
import pytest
import yaml

from resources.clients.catalog.migrating import HEAD
from tests.deploy.chart.conftest import NAMESPACE, Cluster
from tests.deploy.chart.rendering import CHART, KUBERNETES, SETS, helm, rendered
from tests.services.loopback import wait_until

pytestmark = [pytest.mark.deploy, pytest.mark.xdist_group("chart-cluster")]


def _dry_run(cluster: Cluster, documents: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    given = yaml.safe_dump_all(documents)
    return cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", given=given)


@pytest.mark.parametrize("name", SETS)
def test_api_server_takes_every_document_strictly(cluster: Cluster, name: str) -> None:
    chart = rendered(name)
    done = _dry_run(cluster, chart.documents)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("(server dry run)") == len(chart.documents)
    assert "Warning" not in done.stderr


@pytest.mark.parametrize("kind", ["Deployment", "ScaledObject", "ServiceMonitor", "NetworkPolicy"])
def test_api_server_would_refuse_a_misspelt_field(cluster: Cluster, kind: str) -> None:
    document = next(each for each in rendered("all").documents if each["kind"] == kind)
    document["spec"]["mistpelt"] = 1
    done = _dry_run(cluster, [document])
    assert done.returncode != 0
    assert "mistpelt" in done.stderr


@pytest.mark.parametrize("name", SETS)
def test_pods_are_taken_where_only_confined_ones_are(cluster: Cluster, name: str) -> None:
    pods = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": part, "namespace": NAMESPACE}, "spec": pod["spec"]}
        for part, pod in rendered(name).pods().items()
    ]
    for pod in pods:
        pod["spec"].pop("priorityClassName", None)  # a class of the cluster's own
    done = _dry_run(cluster, pods)
    assert done.returncode == 0, done.stderr
    open_one = {**pods[0], "spec": {**pods[0]["spec"], "hostNetwork": True}}
    assert "violates PodSecurity" in _dry_run(cluster, [open_one]).stderr


def test_install_migrates_first_and_uninstall_leaves_nothing(cluster: Cluster) -> None:
    done = cluster.helm("install", "first", str(CHART), "--timeout", "150s")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rag keys create" in done.stdout, "the notes say how to go on"
    with psycopg.connect(cluster.postgres.url) as connection:
        row = connection.execute(
            "SELECT version_num, to_regclass('dagster.runs')::text FROM catalog_version"
        ).fetchone()
    assert row == (HEAD, "dagster.runs")
    there = cluster.ours("first")
    assert "Deployment/first-rag-assets-api" in there
    assert "Job/first-rag-assets-migrations" not in there, "the hook is deleted when it succeeded"

    done = cluster.helm(
        "upgrade", "first", str(CHART), "--timeout", "150s", api={"replicas": 3}, listener={"enabled": True}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Deployment/first-rag-assets-listener" in cluster.ours("first")
    done = helm("rollback", "first", "1", "--kubeconfig", str(cluster.kubeconfig), "-n", NAMESPACE, "--timeout", "150s")
    assert done.returncode == 0, done.stderr
    assert cluster.ours("first") == there

    done = helm("uninstall", "first", "--kubeconfig", str(cluster.kubeconfig), "-n", NAMESPACE, "--wait")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: cluster.ours("first") == [], what="the release to be gone")


def test_migrations_that_fail_keep_everything_from_being_installed(cluster: Cluster) -> None:
    wrong = {"existingSecret": "rag-database", "passwordKey": "wrong"}
    database = {"host": "127.0.0.1", "port": cluster.postgres.port, "sslMode": "disable", "credentials": wrong}
    done = cluster.helm("install", "failing", str(CHART), "--timeout", "120s", database=database)
    assert done.returncode != 0
    assert "pre-install" in done.stderr
    assert cluster.ours("failing") == ["Job/failing-rag-assets-migrations"]
    said = "".join(each.read_text() for each in cluster.node.folder.glob("failing-*/migrations.log"))
    assert said.startswith("Error: The catalog's database")
    assert "not-it" not in said
    helm("uninstall", "failing", "--kubeconfig", str(cluster.kubeconfig), "-n", NAMESPACE)
    cluster.kubectl("-n", NAMESPACE, "delete", "job", "failing-rag-assets-migrations")


RIGHTS = [
    ("daemon", "create", "jobs.batch", True),
    ("daemon", "delete", "jobs.batch", True),
    ("daemon", "get", "jobs.batch/status", True),
    ("daemon", "list", "pods", True),
    ("daemon", "get", "pods/log", True),
    ("daemon", "list", "events", True),
    ("webserver", "create", "jobs.batch", True),
    ("daemon", "get", "secrets", False),
    ("daemon", "create", "pods", False),
    ("daemon", "create", "pods/exec", False),
    ("daemon", "patch", "deployments.apps", False),
    ("runs", "create", "jobs.batch", False),
    ("runs", "list", "pods", False),
    ("ingestion", "get", "secrets", False),
    ("api", "list", "pods", False),
    ("recovery", "create", "jobs.batch", False),
    ("recovery", "get", "secrets", False),
]


def test_service_accounts_may_do_what_they_need_and_no_more(cluster: Cluster) -> None:
    more = {"recovery": {"enabled": True, "backupUrl": "s3://example-backups/rag"}}
    kinds = ("ServiceAccount", "Role", "RoleBinding")
    documents = [each for each in rendered(more=more).documents if each["kind"] in kinds]
    given = yaml.safe_dump_all(documents)
    assert cluster.kubectl("apply", "-f", "-", given=given).returncode == 0
    try:
        for account, verb, what, allowed in RIGHTS:
            who = f"system:serviceaccount:{NAMESPACE}:x-rag-assets-{account}"
            resource, _, part = what.partition("/")
            done = cluster.kubectl(
                "-n", NAMESPACE, "auth", "can-i", verb, resource, f"--subresource={part}", "--as", who
            )
            assert done.stdout.strip() == ("yes" if allowed else "no"), f"{account} {verb} {what}: {done.stderr}"
        elsewhere = f"system:serviceaccount:{NAMESPACE}:x-rag-assets-daemon"
        assert (
            cluster.kubectl("-n", "default", "auth", "can-i", "create", "jobs.batch", "--as", elsewhere).returncode == 1
        )
    finally:
        cluster.kubectl("delete", "-f", "-", given=given)


def test_kubernetes_of_the_tests_is_the_one_that_is_rendered_for(cluster: Cluster) -> None:
    version = json.loads(cluster.kubectl("version", "-o", "json").stdout)["serverVersion"]["gitVersion"]
    assert version == f"v{KUBERNETES}"
