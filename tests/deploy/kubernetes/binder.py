"""The least of a scheduler: binds waiting pods to the first ready node with their labels whose taints they bear."""

from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from tests.deploy.kubernetes.kubelet.api import ApiServer, AwayError, RefusedError

LOOK_EVERY_S = 0.2


class Binder:
    """Binds pods while the ``with`` block lasts; nodes are tried in the order of their names."""

    def __init__(self, kubeconfig: Path) -> None:
        self._api = ApiServer(kubeconfig)
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="binder", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join(timeout=20)
        self._api.close()

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_EVERY_S):
            try:
                self._bind_waiting()
            except (AwayError, RefusedError):
                continue  # looked at again in a moment

    def _bind_waiting(self) -> None:
        waiting = self._api.get("/api/v1/pods", fieldSelector="spec.nodeName=,status.phase=Pending")["items"]
        if not waiting:
            return
        nodes = self._api.get("/api/v1/nodes")["items"]
        for pod in waiting:
            node = next((node["metadata"]["name"] for node in nodes if _fits(pod, node)), None)
            if node is None:
                continue
            name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
            binding = {
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": {"name": name},
                "target": {"apiVersion": "v1", "kind": "Node", "name": node},
            }
            self._api.post(f"/api/v1/namespaces/{namespace}/pods/{name}/binding", binding)


def _fits(pod: dict[str, Any], node: dict[str, Any]) -> bool:
    spec, labels = pod["spec"], node["metadata"].get("labels", {})
    conditions = {each["type"]: each["status"] for each in node.get("status", {}).get("conditions", ())}
    if conditions.get("Ready") != "True" or node["spec"].get("unschedulable"):
        return False
    if any(labels.get(key) != value for key, value in spec.get("nodeSelector", {}).items()):
        return False
    hard = [taint for taint in node["spec"].get("taints", ()) if taint["effect"] in {"NoSchedule", "NoExecute"}]
    return all(any(_tolerates(each, taint) for each in spec.get("tolerations", ())) for taint in hard)


def _tolerates(toleration: dict[str, Any], taint: dict[str, Any]) -> bool:
    if toleration.get("effect") not in {None, "", taint["effect"]}:
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in {None, "", taint["key"]}
    return toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", "")
