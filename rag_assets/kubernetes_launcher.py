"""Launches one pod a run, and does not call a run dead because the cluster could not be asked about it."""

import time
from typing import Any, ClassVar

from dagster import DagsterRun, DagsterRunStatus
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster_k8s import K8sRunLauncher
from dagster_k8s.client import DagsterKubernetesClient, PatchedApiClient
from dagster_k8s.job import get_job_name_from_run_id
from kubernetes.client import ApiException, BatchV1Api, Configuration, CoreV1Api


class RunPodLauncher(K8sRunLauncher):
    """``K8sRunLauncher`` whose answer about a run's pod is one of two: it is over, or nothing says so.

    Dagster's own launcher answers "unknown" while the API server restarts, is overloaded or has not loaded its roles
    yet, and Dagster's monitoring takes "unknown" for the end: every run under way is marked failed, its documents are
    counted as crashed, and a second pod is started beside one that works. Only a job that the cluster says it does not
    have is gone.
    """

    answer_limit_s: ClassVar[tuple[float, float]] = (5.0, 10.0)
    """How long the API server may take to be reached, and to answer."""

    left_alone_s: ClassVar[float] = 30.0
    """After it took longer: one that hangs would hold up the monitoring of every run for as long as each may take."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self._ask_again_s = 0.0
        self._api_client = _within(self.answer_limit_s)

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Return what is known of the run's pod; where nothing can be known it is believed to work.

        The job of a run that is being launched may be about to be made: it is "not found", not failed.
        """
        if time.monotonic() < self._ask_again_s:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "the cluster did not answer a moment ago")
        health = super().check_run_worker_health(run)
        if health.status is not WorkerStatus.UNKNOWN:
            return health
        if not self._is_gone(run):
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"the cluster cannot be asked: {health.msg}")
        if run.status is DagsterRunStatus.STARTING:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, health.msg)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"{health.msg}: somebody deleted it")

    def _is_gone(self, run: DagsterRun) -> bool:
        """Ask once more, and say whether the cluster answers that there is no such job."""
        name = get_job_name_from_run_id(run.run_id, resume_attempt_number=self._get_resume_attempt_number(run))
        namespace = self.get_container_context_for_run(run).namespace
        asked_s = time.monotonic()
        try:
            self._api_client.batch_api.read_namespaced_job_status(name, namespace=namespace)
        except ApiException as error:
            return error.status == 404
        except Exception:  # noqa: BLE001 - whatever it is, it is no answer
            now_s = time.monotonic()
            if now_s - asked_s >= min(self.answer_limit_s):  # one that refuses connections costs no time
                self._ask_again_s = now_s + self.left_alone_s
        return False


class _ImpatientClient(PatchedApiClient):
    """Asks nothing without a limit of time."""

    def __init__(self, configuration: Configuration, limit_s: tuple[float, float]) -> None:
        super().__init__(configuration)
        self._limit_s = limit_s

    def call_api(self, *arguments: Any, **named: Any) -> Any:
        """Ask; raises urllib3's errors where no answer comes in time."""
        named["_request_timeout"] = named.get("_request_timeout") or self._limit_s
        return super().call_api(*arguments, **named)


def _within(limit_s: tuple[float, float]) -> DagsterKubernetesClient:
    """Return a client of the cluster that the configuration loaded before names."""
    configuration = Configuration.get_default_copy()
    # Once, of a connection that the server has closed meanwhile.
    configuration.retries = 1  # pyright: ignore[reportAttributeAccessIssue] - urllib3 takes it, its stub says None
    client = _ImpatientClient(configuration, limit_s)
    return DagsterKubernetesClient.production_client(
        batch_api_override=BatchV1Api(client), core_api_override=CoreV1Api(client)
    )
