"""Launches one pod a run, and does not call a run dead because the cluster could not be asked about it."""

from dagster import DagsterRun
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster_k8s import K8sRunLauncher
from dagster_k8s.job import get_job_name_from_run_id
from kubernetes.client import ApiException


class RunPodLauncher(K8sRunLauncher):
    """``K8sRunLauncher`` whose answer about a run's pod is one of two: it is over, or nothing says so.

    Dagster's own launcher answers "unknown" while the API server restarts, is overloaded or has not loaded its roles
    yet, and Dagster's monitoring takes "unknown" for the end: every run under way is marked failed, its documents are
    counted as crashed, and a second pod is started beside one that works. Only a job that the cluster says it does not
    have is gone.
    """

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Return what is known of the run's pod; where nothing can be known it is believed to work."""
        health = super().check_run_worker_health(run)
        if health.status is not WorkerStatus.UNKNOWN:
            return health
        if self._is_gone(run):
            return CheckRunHealthResult(WorkerStatus.FAILED, f"{health.msg}: somebody deleted it")
        return CheckRunHealthResult(WorkerStatus.RUNNING, f"the cluster cannot be asked: {health.msg}")

    def _is_gone(self, run: DagsterRun) -> bool:
        """Ask once more, and say whether the cluster answers that there is no such job."""
        name = get_job_name_from_run_id(run.run_id, resume_attempt_number=self._get_resume_attempt_number(run))
        namespace = self.get_container_context_for_run(run).namespace
        try:
            self._api_client.batch_api.read_namespaced_job_status(name, namespace=namespace)
        except ApiException as error:
            return error.status == 404
        except Exception:  # noqa: BLE001 - whatever it is, it is no answer
            return False
        return False
