"""What the chart renders, in several sets of values: valid, closed by default, with nothing secret in it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from rag_assets.kubernetes_instance import RunPods, instance_on_kubernetes
from tests.deploy.chart.rendering import ROOT, SETS, Rendered, rendered
from tests.deploy.tools import installed

pytestmark = pytest.mark.deploy

CUSTOM = {"ScaledObject", "TriggerAuthentication", "ServiceMonitor", "PrometheusRule"}
"""Kinds of operators; the API server looks at them with the definitions in crds.yaml."""


@pytest.fixture(scope="module", params=list(SETS))
def chart(request: pytest.FixtureRequest) -> Rendered:
    return rendered(request.param)


def test_every_document_is_what_kubernetes_1_36_takes(chart: Rendered, tmp_path: Path) -> None:
    known = [each for each in chart.documents if each["kind"] not in CUSTOM]
    file = tmp_path / "chart.yaml"
    file.write_text(yaml.safe_dump_all(known), encoding="utf-8")
    validate = str(installed("kubernetes-validate", by="pip install kubernetes-validate"))
    done = subprocess.run([validate, "--strict", "-k", "1.36", str(file)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count(" passed for resource ") == len(known)


def test_a_misspelt_field_would_not_pass(tmp_path: Path) -> None:
    (broken,) = [
        each for each in rendered().documents if each["kind"] == "Deployment" and "api" in each["metadata"]["name"]
    ]
    broken["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    file = tmp_path / "chart.yaml"
    file.write_text(yaml.safe_dump(broken), encoding="utf-8")
    validate = str(installed("kubernetes-validate", by="pip install kubernetes-validate"))
    done = subprocess.run([validate, "--strict", "-k", "1.36", str(file)], capture_output=True, timeout=120)
    assert done.returncode != 0


def test_every_pod_is_confined(chart: Rendered) -> None:
    for name, pod in chart.pods().items():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] >= 1000, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["automountServiceAccountToken"] is (name in ("daemon", "webserver")), name
        for container in spec["containers"]:
            confined = container["securityContext"]
            assert confined["readOnlyRootFilesystem"] is True, name
            assert confined["allowPrivilegeEscalation"] is False, name
            assert confined["capabilities"] == {"drop": ["ALL"]}, name
            assert {"requests", "limits"} <= set(container["resources"]), name
            assert "memory" in container["resources"]["limits"], name
            assert not container["image"].endswith(":latest"), name


def test_everything_that_runs_always_says_how_it_is(chart: Rendered) -> None:
    for name, deployment in chart.of_kind("Deployment").items():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert "livenessProbe" in container, name
        if "ports" in container and name != "answers":  # nobody sends workers anything
            assert "readinessProbe" in container, name


def test_only_what_is_a_processs_own_keeps_requests_from_the_api(chart: Rendered) -> None:
    (container,) = chart.pods()["api"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz/own"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_no_secret_is_written_down(chart: Rendered) -> None:
    assert not chart.of_kind("Secret")
    for name, pod in chart.pods().items():
        for variable in pod["spec"]["containers"][0]["env"]:
            if any(word in variable["name"] for word in ("PASSWORD", "SECRET", "API_KEY", "CLIENT_ID", "PGUSER")):
                assert "secretKeyRef" in variable["valueFrom"], f"{name}: {variable['name']}"
    for text in (json.dumps(each) for each in chart.of_kind("ConfigMap").values()):
        assert "postgresql://" not in text or "@" not in text.split("postgresql://", 1)[1].split("/", 1)[0]


def test_every_component_has_a_policy_and_nothing_is_open_by_default(chart: Rendered) -> None:
    policies = chart.of_kind("NetworkPolicy")
    default = policies["default"]["spec"]
    assert default["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in default
    assert "egress" not in default
    for name, pod in chart.pods().items():
        assert _selects(default, pod), f"{name} is not covered"
        own = policies[name]["spec"]
        assert _selects(own, pod), f"{name} has no policy of its own"
        for rule in own.get("ingress", ()):
            assert rule["from"], f"{name} is open to everybody"
        for each in policies.values():
            if each is not policies["default"] and each is not policies[name]:
                assert not _selects(each["spec"], pod), f"{name} has two policies"


def _selects(policy: dict[str, Any], pod: dict[str, Any]) -> bool:
    wanted = policy["podSelector"]["matchLabels"].items()
    return wanted <= pod["metadata"]["labels"].items()


def test_pods_of_runs_have_their_policy(chart: Rendered) -> None:
    labels = _instance(chart)["run_launcher"]["config"]["labels"]
    policies = chart.of_kind("NetworkPolicy")
    for name in ("default", "run"):
        assert _selects(policies[name]["spec"], {"metadata": {"labels": labels}})
    assert "ingress" not in policies["run"]["spec"]


def test_services_and_disruption_budgets_find_their_pods(chart: Rendered) -> None:
    pods = chart.pods()
    for name, service in chart.of_kind("Service").items():
        found = [
            each for each in pods.values() if service["spec"]["selector"].items() <= each["metadata"]["labels"].items()
        ]
        assert len(found) == 1, name
        ports = {port["name"] for port in found[0]["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    for name, budget in chart.of_kind("PodDisruptionBudget").items():
        wanted = budget["spec"]["selector"]["matchLabels"].items()
        assert [each for each in pods.values() if wanted <= each["metadata"]["labels"].items()], name
        assert budget["spec"]["maxUnavailable"] == 1, "a node could never be drained"


def test_the_dagster_ui_is_reached_through_the_proxy_alone() -> None:
    chart = rendered("all")
    ingress = chart.of_kind("Ingress")
    backends = {
        name: each["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"]
        for name, each in ingress.items()
    }
    assert backends == {"api": "x-rag-assets-api", "auth-proxy": "x-rag-assets-auth-proxy"}
    assert all(each["spec"]["tls"][0]["secretName"] for each in ingress.values())
    allowed = chart.of_kind("NetworkPolicy")["webserver"]["spec"]["ingress"]
    peers = [peer for rule in allowed for peer in rule["from"]]
    components = {peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for peer in peers}
    assert components == {"auth-proxy", "launcher", "listener"}


def test_scaled_objects_name_deployments_that_set_no_replicas() -> None:
    chart = rendered("all")
    deployments = chart.of_kind("Deployment")
    scaled = chart.of_kind("ScaledObject")
    assert set(scaled) == {"answers", "listener", "launcher"}
    for each in scaled.values():
        target = deployments[each["spec"]["scaleTargetRef"]["name"].removeprefix("x-rag-assets-")]
        assert "replicas" not in target["spec"]
        for trigger in each["spec"]["triggers"]:
            assert all(isinstance(value, str) for value in trigger["metadata"].values())
    (scaler,) = chart.of_kind("HorizontalPodAutoscaler").values()
    assert "replicas" not in deployments[scaler["spec"]["scaleTargetRef"]["name"].removeprefix("x-rag-assets-")]["spec"]


def test_alerts_link_to_the_pages_of_their_runbooks() -> None:
    place = "https://git.example/rag-assets/blob/main/"
    more = {"monitoring": {"prometheusRule": {"runbooks": place}}}
    (rule,) = rendered("all", more=more).of_kind("PrometheusRule").values()
    urls = [
        each["annotations"]["runbook_url"]
        for group in rule["spec"]["groups"]
        for each in group["rules"]
        if "alert" in each
    ]
    assert urls
    assert all((ROOT / url.removeprefix(place)).is_file() and url.startswith(place) for url in urls)


def _instance(chart: Rendered) -> dict[str, Any]:
    return yaml.safe_load(chart.of_kind("ConfigMap")["dagster"]["data"]["dagster.yaml"])


def test_instance_is_that_of_the_launcher_but_for_what_the_values_add() -> None:
    found = _instance(rendered())
    pods = RunPods(
        image="registry.example/rag-ingestion:0.1.0",
        namespace="rag",
        service_account="x-rag-assets-runs",
        settings_config_map="x-rag-assets-settings",
        secrets=(),
        instance_config_map="x-rag-assets-dagster",
        collections_config_map="x-rag-assets-collections",
    )
    wanted = instance_on_kubernetes(pods, logs_bucket="example-rag", logs_prefix="compute-logs")
    assert _without_additions(found, wanted) == wanted


def _without_additions(found: Any, wanted: Any) -> Any:
    """What the chart says of everything that the launcher's own configuration speaks of."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return {key: _without_additions(found.get(key), value) for key, value in wanted.items()}
    if isinstance(found, list) and isinstance(wanted, list):
        return [each for each in found if each in wanted]
    return found


def test_tables_that_the_scaling_asks_are_the_catalogs() -> None:
    """KEDA asks the database itself: a renamed table or column would be found by nobody else."""
    import psycopg

    from resources.clients.catalog import open_catalog
    from tests.services.postgres import PostgresServer

    queries = [
        trigger["metadata"]["query"]
        for each in rendered("all").of_kind("ScaledObject").values()
        for trigger in each["spec"]["triggers"]
        if trigger["type"] == "postgresql"
    ]
    assert len(queries) == 3
    with PostgresServer() as postgres:
        open_catalog(postgres.url).close()
        with psycopg.connect(postgres.url) as connection:
            for query in queries:
                assert connection.execute(query.encode()).fetchone() == (0,)
