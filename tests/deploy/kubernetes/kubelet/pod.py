"""One pod on its node, from its volumes to its last status."""

import signal
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

from tests.deploy.kubernetes.kubelet.api import ApiServer, AwayError, RefusedError
from tests.deploy.kubernetes.kubelet.containers import Container, now
from tests.deploy.kubernetes.kubelet.environment import MissingReferenceError, container_environment, expanded
from tests.deploy.kubernetes.kubelet.volumes import mounted, prepared_volumes, rewritten

LOOK_EVERY_S = 0.05


class PodOnNode:
    """Runs a pod's containers until they end, the pod is deleted or evicted, or the node is gone.

    Every change is reported until the API server has taken it; what the pod asked for is never asked twice.
    """

    def __init__(
        self, pod: dict[str, Any], *, folder: Path, api: ApiServer, objects: Any, image: dict[str, str]
    ) -> None:
        self.name: str = pod["metadata"]["name"]
        self.uid: str = pod["metadata"]["uid"]
        self.containers: list[Container] = []
        self._pod = pod
        self._path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{self.name}"
        self._folder = folder
        self._api = api
        self._objects = objects
        self._image = image
        self._ending_s: float | None = None
        self._evicted = ""
        self._gone = Event()
        self._thread = Thread(target=self._run, name=f"pod-{self.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do for the pod."""
        return not self._thread.is_alive()

    @property
    def is_running(self) -> bool:
        """Whether a process of the pod runs."""
        return any(each.exit_code is None and each.restarts >= 0 for each in self.containers)

    def end(self, *, grace_s: float) -> None:
        """Ask the containers to end: somebody deleted the pod."""
        self._ending_s = grace_s if self._ending_s is None else min(self._ending_s, grace_s)

    def evict(self, message: str) -> None:
        """End the pod at once because its node is short of something."""
        self._evicted = message

    def confirm_deleted(self) -> None:
        """Tell the API server that nothing of a deleted pod is left here."""
        self._api.delete(self._path, {"gracePeriodSeconds": 0, "preconditions": {"uid": self.uid}})

    def vanish(self) -> None:
        """Kill everything and report nothing: the node, or the pod's object, is gone."""
        self._gone.set()
        self.kill9()

    def kill9(self) -> None:
        """Kill the containers' processes, as the kernel does when memory is short."""
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the containers' processes."""
        for container in self.containers:
            container.signal(number)

    def join(self) -> None:
        """Wait for the pod's end."""
        self._thread.join(timeout=30)

    def _run(self) -> None:
        if not self._prepared():
            self._finish()
            return
        waiting = list(self.containers)
        initial = len(self._pod["spec"].get("initContainers", ()))
        while waiting and not self._is_to_end:
            step, waiting = (waiting[:1], waiting[1:]) if initial > 0 else (waiting, [])
            initial -= 1
            for container in step:
                container.start()
            self._report("Running")
            self._wait(step)
            if any(container.exit_code for container in step):
                break
        self._finish()

    @property
    def _is_to_end(self) -> bool:
        return self._ending_s is not None or bool(self._evicted) or self._gone.is_set()

    def _prepared(self) -> bool:
        """Make volumes and containers; wait for what a reference names and is not there yet."""
        said = ""
        while not self._is_to_end:
            try:
                places = prepared_volumes(self._pod, self._folder / "volumes", self._objects)
                self.containers = [self._container(spec, places) for spec in self._specs()]
            except (MissingReferenceError, AwayError) as error:
                if str(error) != said:
                    said = str(error)
                    self._report("Pending", waiting={"reason": "CreateContainerConfigError", "message": said})
                self._gone.wait(0.5)
            else:
                return True
        return False

    def _specs(self) -> list[dict[str, Any]]:
        spec = self._pod["spec"]
        return [*spec.get("initContainers", ()), *spec["containers"]]

    def _container(self, spec: dict[str, Any], places: dict[str, Path]) -> Container:
        mounts = mounted(spec, places)
        variables = container_environment(self._pod, spec, self._objects)
        environment = {**self._image, **{name: rewritten(value, mounts) for name, value in variables.items()}}
        if "/tmp" in mounts:  # noqa: S108 - the container's own
            environment["TMPDIR"] = mounts["/tmp"]  # noqa: S108
        command = [*spec.get("command", ()), *spec.get("args", ())]
        return Container(
            spec,
            command=[rewritten(expanded(word, variables), mounts) for word in command],
            environment=environment,
            folder=self._folder,
            log=self._folder / f"{spec['name']}.log",
        )

    def _wait(self, containers: list[Container]) -> None:
        """Wait until all have ended for good; start again what the restart policy says."""
        policy = self._pod["spec"].get("restartPolicy", "Always")
        while not self._is_to_end:
            codes = [container.exit_code for container in containers]
            again = [
                container
                for container, code in zip(containers, codes, strict=True)
                if code is not None and (policy == "Always" or (policy == "OnFailure" and code))
            ]
            if None not in codes and not again:
                return
            for container in again:
                self._gone.wait(min(10, 0.2 * 2**container.restarts))
                container.start()
                self._report("Running")
            time.sleep(LOOK_EVERY_S)

    def _finish(self) -> None:
        self._stop()
        if self._gone.is_set():
            return
        codes = [container.exit_code for container in self.containers]
        succeeded = bool(codes) and all(code == 0 for code in codes) and not self._evicted
        self._report("Succeeded" if succeeded else "Failed")
        if self._ending_s is not None:
            self._insist(self.confirm_deleted)

    def _stop(self) -> None:
        grace_s = 0.0 if self._evicted or self._gone.is_set() else self._ending_s or 0.0
        ends = time.monotonic() + grace_s
        for container in self.containers:
            if grace_s:
                container.signal(signal.SIGTERM)
        while self.is_running and time.monotonic() < ends and not self._gone.is_set():
            time.sleep(LOOK_EVERY_S)
            ends = min(ends, time.monotonic() + (self._ending_s or 0.0))  # a second deletion may shorten it
        self.kill9()
        while self.is_running:
            time.sleep(LOOK_EVERY_S)

    def _report(self, phase: str, *, waiting: dict[str, str] | None = None) -> None:
        initial = len(self._pod["spec"].get("initContainers", ()))
        statuses = [container.status() for container in self.containers]
        if waiting is not None:
            statuses = [
                {"name": spec["name"], "image": spec["image"], "imageID": "", "ready": False, "restartCount": 0}
                | {"state": {"waiting": waiting}}
                for spec in self._pod["spec"]["containers"]
            ]
            initial = 0
        ready = phase == "Running" and all(each["ready"] for each in statuses[initial:])
        said = {"reason": "Evicted", "message": self._evicted} if self._evicted else {}
        status = {
            "phase": phase,
            "hostIP": "127.0.0.1",
            "podIP": "127.0.0.1",
            "podIPs": [{"ip": "127.0.0.1"}],
            "startTime": self._pod["metadata"]["creationTimestamp"],
            "initContainerStatuses": statuses[:initial],
            "containerStatuses": statuses[initial:],
            "conditions": [
                {"type": kind, "status": str(is_so), "lastTransitionTime": now()}
                for kind, is_so in (("PodScheduled", True), ("Initialized", phase != "Pending"), ("Ready", ready))
            ],
            **said,
        }
        self._insist(lambda: self._api.patch(f"{self._path}/status", {"status": status}))

    def _insist(self, ask: Any) -> None:
        """Ask until the API server has answered; a pod that is gone there needs no more telling."""
        while not self._gone.is_set():
            try:
                ask()
            except AwayError:
                self._gone.wait(0.3)
            except RefusedError as error:
                if error.status in {404, 409}:
                    return
                raise
            else:
                return
