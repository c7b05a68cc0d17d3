"""What a collection file says of its runs' places becomes tags of its jobs, in the form that dagster-k8s takes."""

import json
from pathlib import Path

import dagster as dg
import pytest
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import construct_dagster_k8s_job, get_user_defined_k8s_config
from kubernetes.client import ApiClient

from rag_assets.definitions import build_definitions
from rag_core.run_places import CONFIG_TAG
from resources.clients.collection_files import check_collections
from resources.clients.settings import load_settings

_FILE = """\
name: notes
sources:
  - name: inbox
    url: s3://documents/notes
runs:
  launch_grace_s: 600
  kubernetes:
"""
_GPU = """\
    requests: {cpu: 2, memory: 6Gi}
    limits: {memory: 8Gi, ephemeral_storage: 20Gi}
    gpu: 1
    node_selector: {pool: gpu}
    tolerations: [{key: spot, value: "true", effect: NoSchedule}]
    secrets: [notes-passwords]
    service_account: notes-runs
"""


def _definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kubernetes: str) -> dg.Definitions:
    (tmp_path / "notes.yaml").write_text(_FILE + kubernetes if kubernetes else _FILE.split("runs:")[0])
    monkeypatch.setenv("RAG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RAG_COLLECTIONS", str(tmp_path))
    return build_definitions(load_settings())


def test_the_ingesting_job_carries_what_its_pods_ask_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tags = _definitions(tmp_path, monkeypatch, _GPU).resolve_job_def("ingest_notes_job").tags

    pod = _job_of(dict(tags))["spec"]["template"]["spec"]

    (container,) = pod["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "2", "memory": "6Gi"},
        "limits": {"memory": "8Gi", "ephemeral-storage": "20Gi", "nvidia.com/gpu": "1"},
    }
    assert container["envFrom"] == [{"secretRef": {"name": "notes-passwords"}}]
    assert pod["nodeSelector"] == {"pool": "gpu"}
    assert [(each["key"], each["operator"], each["effect"]) for each in pod["tolerations"]] == [
        ("spot", "Equal", "NoSchedule"),
        ("nvidia.com/gpu", "Exists", "NoSchedule"),
    ]
    assert pod["serviceAccountName"] == "notes-runs"


def test_housekeeping_starts_no_gpu_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tags = _definitions(tmp_path, monkeypatch, _GPU).resolve_job_def("housekeep_notes_job").tags
    config = json.loads(tags[CONFIG_TAG])
    assert set(config["pod_spec_config"]) == {"service_account_name"}
    assert "nvidia.com/gpu" not in config["container_config"]["resources"]["limits"]


def test_a_collection_that_asks_for_nothing_leaves_all_to_the_launcher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert CONFIG_TAG not in _definitions(tmp_path, monkeypatch, "").resolve_job_def("ingest_notes_job").tags


@pytest.mark.parametrize(
    ("kubernetes", "said"),
    [
        ("    limits: {memory: 4GB}\n", "8 runs.kubernetes.limits.memory: '4GB' is no quantity"),
        ("    requests: {cpu: 0}\n", "8 runs.kubernetes.requests.cpu: must be more than 0"),
        ("    requests: {cpu: 4}\n    limits: {cpu: 2}\n", "7 runs.kubernetes: requests.cpu 4 is above limits.cpu 2"),
        (
            "    requests: {memory: 6Gi}\n",
            "7 runs.kubernetes: requests.memory 6Gi is above the launcher's own limit 4Gi: write limits.memory, too",
        ),
        (
            "    limits: {memory: 1536Mi}\n",
            "limits.memory 1536Mi is below the launcher's own request 2Gi: write requests.memory, too",
        ),
        ("    limits: {cpu: 500m}\n", "limits.cpu 500m is below the launcher's own request 1: write requests.cpu, too"),
        (
            "    requests: {memory: 256Mi}\n    limits: {memory: 512Mi}\n",
            "does not hold the parser's limits.parse_memory_bytes (1024 MiB)",
        ),
        ("    node_selector: {Pool/: x}\n", "'Pool/' is no label's or taint's key"),
        ("    tolerations: [{value: a}]\n", "without a key the operator must be Exists"),
        ("    tolerations: [{key: a, toleration_seconds: 5}]\n", "toleration_seconds needs effect: NoExecute"),
        ("    gpus: 1\n", "8 runs.kubernetes.gpus: unknown field 'gpus'; did you mean 'gpu'?"),
        ("    secrets: [Not_A_Name]\n", "8 runs.kubernetes.secrets[0]"),
    ],
)
def test_what_no_cluster_would_take_is_told_with_its_line(tmp_path: Path, kubernetes: str, said: str) -> None:
    (tmp_path / "notes.yaml").write_text(_FILE + kubernetes)
    told = [f"{each.line} {each.field}: {each.message}" for each in check_collections(tmp_path)]
    assert len(told) == 1
    assert said in told[0]


@pytest.mark.parametrize(
    "kubernetes",
    [
        "    requests: {cpu: 8}\n",
        "    requests: {memory: 3Gi}\n",
        "    limits: {memory: 3Gi, ephemeral_storage: 1Gi}\n",
    ],
)
def test_one_side_alone_is_taken_where_it_fits_the_launchers_own(tmp_path: Path, kubernetes: str) -> None:
    (tmp_path / "notes.yaml").write_text(_FILE + kubernetes)
    assert check_collections(tmp_path) == []


def _job_of(tags: dict[str, str]) -> dict:
    """The Kubernetes job of a run with these tags, as its launcher makes it."""
    context = K8sContainerContext(run_k8s_config=get_user_defined_k8s_config(tags))
    config = context._replace(namespace="rag")
    job = construct_dagster_k8s_job(
        job_config=config.get_k8s_job_config("image", _NoLauncher()),
        args=["dagster"],
        job_name="job",
        user_defined_k8s_config=config.run_k8s_config,
    )
    return ApiClient().sanitize_for_serialization(job)


class _NoLauncher:
    job_image = dagster_home = instance_config_map = postgres_password_secret = None
