"""A node: it says that it lives, takes the pods that are bound to it, and looks after them.

Level-triggered, as the real one: it compares what the API server lists with what runs here, again and again, so that a
server that was away, or an event that nobody saw, changes nothing.
"""

import shutil
import signal
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from tests.deploy.kubernetes.kubelet.api import ApiServer, AwayError, RefusedError
from tests.deploy.kubernetes.kubelet.containers import now
from tests.deploy.kubernetes.kubelet.pod import PodOnNode

LOOK_EVERY_S = 0.2
HEARTBEAT_S = 1.0
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


class Kubelet:
    """A node named ``name`` while the ``with`` block lasts; ``image`` is the environment that every image brings."""

    def __init__(
        self,
        name: str,
        kubeconfig: Path,
        folder: Path,
        *,
        image: dict[str, str],
        labels: dict[str, str] | None = None,
        pods: int = 110,
    ) -> None:
        self.name = name
        self.folder = folder / name
        self._api = ApiServer(kubeconfig)
        self._image = image
        self._labels = {"kubernetes.io/hostname": name, **(labels or {})}
        self._room = pods
        self._pods: dict[str, PodOnNode] = {}
        self._stopped = Event()
        self._threads: list[Thread] = []

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._insist(self._register)
        for loop in (self._beat, self._look_after):
            self._threads.append(Thread(target=self._repeat, args=(loop,), name=loop.__name__, daemon=True))
            self._threads[-1].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.vanish()
        self._api.close()

    def vanish(self) -> None:
        """End as a machine does whose power is cut: no process is left, and nobody is told."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(timeout=20)
        for pod in list(self._pods.values()):
            pod.vanish()
        for pod in list(self._pods.values()):
            pod.join()

    def lose_contact(self) -> None:
        """Go silent while the containers go on: a node that is cut off."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(timeout=20)

    def running(self) -> list[str]:
        """Return the names of the pods that run here now."""
        return [pod.name for pod in list(self._pods.values()) if pod.is_running]

    def kill9(self, pod: str) -> None:
        """Kill the processes of a pod."""
        self._named(pod).kill9()

    def hold(self, pod: str) -> None:
        """Let the processes of a pod stand still."""
        self._named(pod).signal(signal.SIGSTOP)

    def let_go(self, pod: str) -> None:
        """Let the processes of a pod go on."""
        self._named(pod).signal(signal.SIGCONT)

    def evict(self, pod: str) -> None:
        """Evict a pod as a node that runs out of memory or disk does."""
        self._named(pod).evict("The node was low on resource: memory.")

    def log(self, pod: str, container: str = "dagster") -> str:
        """Return what a container wrote, also of a pod that is over."""
        return "".join(
            path.read_text(errors="replace") for path in sorted(self.folder.glob(f"{pod}-*/{container}.log"))
        )

    def secret(self, namespace: str, name: str) -> dict[str, str] | None:
        """Return a Secret's keys."""
        return self._data_of(f"/api/v1/namespaces/{namespace}/secrets/{name}")

    def config_map(self, namespace: str, name: str) -> dict[str, str] | None:
        """Return a ConfigMap's keys."""
        return self._data_of(f"/api/v1/namespaces/{namespace}/configmaps/{name}")

    def _data_of(self, path: str) -> dict[str, str] | None:
        found = self._api.find(path)
        return None if found is None else found.get("data", {})

    def _named(self, name: str) -> PodOnNode:
        return next(pod for pod in list(self._pods.values()) if pod.name == name)

    def _register(self) -> None:
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.name, "labels": self._labels},
        }
        if self._api.find(f"/api/v1/nodes/{self.name}") is None:
            self._api.post("/api/v1/nodes", node)
        self._beat()

    def _beat(self) -> None:
        """Renew the node's lease and say that it is ready."""
        conditions = [
            {"type": kind, "status": status, "reason": "Tests", "lastHeartbeatTime": now(), "lastTransitionTime": now()}
            for kind, status in (
                ("Ready", "True"),
                ("MemoryPressure", "False"),
                ("DiskPressure", "False"),
                ("PIDPressure", "False"),
            )
        ]
        room = {"cpu": "64", "memory": "64Gi", "ephemeral-storage": "100Gi", "pods": str(self._room)}
        status = {"conditions": conditions, "capacity": room, "allocatable": room}
        self._api.patch(f"/api/v1/nodes/{self.name}/status", {"status": status})
        renewed = {
            "holderIdentity": self.name,
            "leaseDurationSeconds": 40,
            "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        if self._api.find(f"{_LEASES}/{self.name}") is None:
            lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": self.name}}
            self._api.post(_LEASES, {**lease, "spec": renewed})
        else:
            self._api.patch(f"{_LEASES}/{self.name}", {"spec": renewed})
        self._stopped.wait(HEARTBEAT_S)

    def _look_after(self) -> None:
        """Compare the pods that are bound to this node with those that run here."""
        listed = self._api.get("/api/v1/pods", fieldSelector=f"spec.nodeName={self.name}")["items"]
        known = {pod["metadata"]["uid"]: pod for pod in listed}
        for uid, pod in known.items():
            if uid not in self._pods and pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}:
                self._take(pod)
            if "deletionTimestamp" in pod["metadata"] and uid in self._pods:
                self._pods[uid].end(grace_s=float(pod["metadata"].get("deletionGracePeriodSeconds", 0)))
                if self._pods[uid].is_over:  # it ended of itself in the moment in which it was deleted
                    self._pods[uid].confirm_deleted()
        for uid in [uid for uid, pod in self._pods.items() if uid not in known]:
            pod = self._pods.pop(uid)
            pod.vanish()  # deleted by force, or long over
        self._stopped.wait(LOOK_EVERY_S)

    def _take(self, pod: dict[str, Any]) -> None:
        uid = pod["metadata"]["uid"]
        folder = self.folder / f"{pod['metadata']['name']}-{uid[:8]}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self._pods[uid] = PodOnNode(pod, folder=folder, api=self._api, objects=self, image=self._image)
        self._pods[uid].start()

    def _repeat(self, step: Any) -> None:
        while not self._stopped.is_set():
            self._insist(step)

    def _insist(self, step: Any) -> None:
        try:
            step()
        except (AwayError, RefusedError):
            self._stopped.wait(0.3)
