"""The small kubelet does what the real one does, as far as runs can tell."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.kubernetes.control_plane import ControlPlane
from tests.deploy.kubernetes.kubelet import Kubelet
from tests.deploy.kubernetes.kubelet.api import ApiServer
from tests.services.loopback import wait_until

pytestmark = [pytest.mark.deploy, pytest.mark.xdist_group("kubernetes")]

PODS = "/api/v1/namespaces/default/pods"
JOBS = "/apis/batch/v1/namespaces/default/jobs"


def make_pod(api: ApiServer, name: str, script: str, **spec: Any) -> None:
    container = {"name": "main", "image": "any", "command": ["/bin/sh", "-c", script], **spec.pop("container", {})}
    body = {"metadata": {"name": name}, "spec": {"restartPolicy": "Never", "containers": [container], **spec}}
    api.post(PODS, body)


def phase(api: ApiServer, name: str) -> str:
    found = api.find(f"{PODS}/{name}")
    return "gone" if found is None else found["status"]["phase"]


def wait_phase(api: ApiServer, name: str, wanted: str) -> dict[str, Any]:
    wait_until(lambda: phase(api, name) == wanted, what=f"{name} {wanted}")
    return api.find(f"{PODS}/{name}") or {}


def make_job(api: ApiServer, name: str, script: str, **spec: Any) -> None:
    container = {"name": "main", "image": "any", "command": ["/bin/sh", "-c", script]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container], **spec}}
    api.post(JOBS, {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": template}})


def job_status(api: ApiServer, name: str) -> dict[str, Any]:
    return api.get(f"{JOBS}/{name}")["status"]


def pod_of(api: ApiServer, job: str) -> str:
    (found,) = api.get(PODS, labelSelector=f"job-name={job}")["items"]
    return found["metadata"]["name"]


def test_a_container_finds_its_environment_and_files(api: ApiServer, node: Kubelet) -> None:
    api.post("/api/v1/namespaces/default/secrets", {"metadata": {"name": "keys"}, "data": {"KEY": "czNjcmV0"}})
    api.post("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "files"}, "data": {"a.yaml": "name: a"}})
    make_pod(
        api,
        "finds",
        'echo "$KEY $URL $WHERE $CORES"; cat "$FILES/a.yaml"; echo x > "$WORK/out"; ls "$WORK"',
        volumes=[{"name": "files", "configMap": {"name": "files"}}, {"name": "work", "emptyDir": {}}],
        container={
            "envFrom": [{"secretRef": {"name": "keys"}}],
            "env": [
                {"name": "URL", "value": "postgres://$(KEY)@db"},
                {"name": "WHERE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                {"name": "CORES", "valueFrom": {"resourceFieldRef": {"resource": "requests.cpu"}}},
                {"name": "FILES", "value": "/etc/files"},
                {"name": "WORK", "value": "/work"},
            ],
            "resources": {"requests": {"cpu": "1500m"}},
            "volumeMounts": [{"name": "files", "mountPath": "/etc/files"}, {"name": "work", "mountPath": "/work"}],
        },
    )
    wait_phase(api, "finds", "Succeeded")
    assert node.log("finds", "main") == f"s3cret postgres://s3cret@db {node.name} 2\nname: aout\n"


def test_a_secret_that_comes_late_is_waited_for(api: ApiServer, node: Kubelet) -> None:
    make_pod(api, "waits", "echo $LATE", container={"envFrom": [{"secretRef": {"name": "late"}}]})

    def reason() -> str:
        found = (api.find(f"{PODS}/waits") or {}).get("status", {}).get("containerStatuses", [{}])
        return found[0].get("state", {}).get("waiting", {}).get("reason", "")

    wait_until(lambda: reason() == "CreateContainerConfigError", what="the missing Secret to be told")
    api.post("/api/v1/namespaces/default/secrets", {"metadata": {"name": "late"}, "data": {"LATE": "aGVyZQ=="}})
    wait_phase(api, "waits", "Succeeded")
    assert node.log("waits", "main") == "here\n"


def test_a_job_is_complete_or_failed_with_its_pod(api: ApiServer, node: Kubelet) -> None:
    make_job(api, "good", "exit 0")
    make_job(api, "bad", "exit 3")
    wait_until(lambda: job_status(api, "good").get("succeeded") == 1, what="the job to be complete")
    wait_until(lambda: job_status(api, "bad").get("failed") == 1, what="the job to have failed")


def test_a_deleted_pod_is_asked_to_end_and_then_killed(api: ApiServer, node: Kubelet) -> None:
    make_pod(api, "polite", "trap 'echo bye; exit 0' TERM; while :; do sleep 0.1; done")
    make_pod(api, "deaf", "trap '' TERM; while :; do sleep 0.1; done", terminationGracePeriodSeconds=1)
    for name in ("polite", "deaf"):
        wait_phase(api, name, "Running")
        wait_until(lambda name=name: name in node.running(), what="the process")
    time.sleep(0.3)  # the shells have set their traps
    for name in ("polite", "deaf"):
        api.delete(f"{PODS}/{name}")
        wait_phase(api, name, "gone")
    assert node.log("polite", "main") == "bye\n"
    assert node.running() == []


def test_a_pod_that_is_short_of_memory_is_evicted(api: ApiServer, node: Kubelet) -> None:
    make_pod(api, "greedy", "sleep 60")
    wait_phase(api, "greedy", "Running")
    node.evict("greedy")
    assert wait_phase(api, "greedy", "Failed")["status"]["reason"] == "Evicted"


def test_a_restarted_api_server_hears_how_the_pods_ended(
    control_plane: ControlPlane, api: ApiServer, node: Kubelet
) -> None:
    make_job(api, "outlives", "while [ ! -e ../stop ]; do sleep 0.1; done")
    wait_until(lambda: len(node.running()) == 1, what="the pod")
    control_plane.stop_api_server()
    (node.folder / "stop").touch()
    wait_until(lambda: node.running() == [], what="the process to end")
    control_plane.start_api_server()
    wait_until(lambda: job_status(api, "outlives").get("succeeded") == 1, what="the job to be complete")


def test_jobs_of_a_node_that_is_gone_fail_and_others_go_elsewhere(
    api: ApiServer, another_node: Callable[..., Kubelet]
) -> None:
    first, second = another_node("a-node", pool="one"), another_node("b-node", pool="one")  # the last node is kept
    tolerated = [
        {"key": f"node.kubernetes.io/{state}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}
        for state in ("unreachable", "not-ready")
    ]
    make_job(api, "stranded", "sleep 600", nodeSelector={"pool": "one"}, tolerations=tolerated)
    wait_until(lambda: len(first.running()) == 1, what="the pod")
    first.vanish()
    wait_until(lambda: job_status(api, "stranded").get("failed") == 1, what="the job to have failed")
    make_job(api, "placed", "echo here", nodeSelector={"pool": "one"})
    wait_until(lambda: job_status(api, "placed").get("succeeded") == 1, what="the job on the other node")
    assert second.log(pod_of(api, "placed"), "main") == "here\n"
