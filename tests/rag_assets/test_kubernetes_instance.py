"""What docs/kubernetes-runs.md shows is what is written, Dagster takes it, and no secret is in it."""

import re
from pathlib import Path

import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config
from dagster_k8s.job import DagsterK8sJobConfig

from local_stack.dagster_home import INSTANCE
from rag_assets.kubernetes_instance import RunPods, instance_on_kubernetes
from rag_core.run_places import Runs

PODS = RunPods(
    image="registry.example/rag-assets-ingestion:0.1.0",
    namespace="rag",
    service_account="rag-assets-runs",
    settings_config_map="rag-assets-settings",
    secrets=("rag-assets-secrets",),
)
PAGE = (Path(__file__).parents[2] / "docs" / "kubernetes-runs.md").read_text(encoding="utf-8")


def test_the_page_shows_what_is_written() -> None:
    shown = next(block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "run_launcher" in block)
    assert yaml.safe_load(shown) == instance_on_kubernetes(PODS, logs_bucket="rag-compute-logs")


def test_the_page_explains_every_field_of_runs() -> None:
    kubernetes = Runs.model_fields["kubernetes"].annotation
    assert kubernetes is not None
    for name in {*Runs.model_fields, *kubernetes.model_fields} - {"kubernetes"}:
        assert re.search(rf"`[a-z_]*\.?{name}`", PAGE), name


def test_dagster_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "postgresql://nobody@127.0.0.1/none")
    written = instance_on_kubernetes(PODS, logs_bucket="rag-compute-logs")
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(written))
    read, _ = dagster_instance_config(str(tmp_path))
    assert read["run_launcher"]["class"] == "RunPodLauncher"
    assert set(written["run_launcher"]["config"]) <= set(DagsterK8sJobConfig.config_type_run_launcher())


def test_runs_are_tried_again_as_on_one_machine() -> None:
    written = instance_on_kubernetes(PODS, logs_bucket="rag-compute-logs")
    assert {name: written[name] for name in ("run_retries", "retention", "storage")} == {
        name: INSTANCE[name] for name in ("run_retries", "retention", "storage")
    }
