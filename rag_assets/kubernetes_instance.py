"""Dagster's instance configuration on Kubernetes: one pod a run, Dagster's state in PostgreSQL, output of runs in S3.

What is secret stays where it is: the configuration names variables and Secrets, and so does the job of every run.
"""

from dataclasses import dataclass, field
from typing import Any

from rag_core.run_places import LAUNCHER_LIMITS, LAUNCHER_REQUESTS

DATABASE_VARIABLE = "DAGSTER_POSTGRES_URL"
NODE_GONE_S = 60
"""How long a pod may stay on a node that does not answer; Kubernetes' own five minutes are long for a document."""

WORK = "work"
COLLECTIONS = "collections"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPods:
    """The pods of runs: their image, what they read their settings and secrets from, and where they may write.

    ``home`` is the one folder that a run writes to (with ``/tmp``; ``scratch`` bounds both), ``collections`` where the
    ConfigMap ``collections_config_map`` is mounted.
    """

    image: str
    namespace: str
    service_account: str
    settings_config_map: str
    secrets: tuple[str, ...]
    instance_config_map: str = "rag-assets-dagster"
    collections_config_map: str = "rag-assets-collections"
    home: str = "/var/lib/rag"
    collections: str = "/etc/rag/collections"
    image_pull_policy: str = "IfNotPresent"
    scratch: str = "10Gi"
    requests: dict[str, str] = field(default_factory=LAUNCHER_REQUESTS.copy)
    limits: dict[str, str] = field(default_factory=LAUNCHER_LIMITS.copy)
    most_at_once: int = 10
    node_gone_s: int = NODE_GONE_S
    start_timeout_s: int = 300
    look_every_s: int = 10
    finished_jobs_kept_s: int = 3600


def instance_on_kubernetes(pods: RunPods, *, logs_bucket: str, logs_prefix: str = "dagster") -> dict[str, Any]:
    """Return ``dagster.yaml`` for webserver and daemon; runs get it from them."""
    return {
        "storage": {"postgres": {"postgres_url": {"env": DATABASE_VARIABLE}}},
        "run_coordinator": {
            "module": "rag_assets.fresh_first",
            "class": "FreshFirstCoordinator",
            "config": {"dequeue_interval_seconds": 1, "dequeue_use_threads": True},
        },
        "concurrency": {"runs": {"max_concurrent_runs": pods.most_at_once}},
        "run_launcher": {
            "module": "rag_assets.kubernetes_launcher",
            "class": "RunPodLauncher",
            "config": _launcher(pods),
        },
        # A failed run is its steps' own business (their RetryPolicy); one whose pod died is started once more.
        "run_retries": {"enabled": True, "max_retries": 1, "retry_on_asset_or_op_failure": False},
        "run_monitoring": {
            "enabled": True,
            "start_timeout_seconds": pods.start_timeout_s,
            "cancel_timeout_seconds": 120,
            "max_resume_run_attempts": 0,
            "poll_interval_seconds": pods.look_every_s,
        },
        "compute_logs": {
            "module": "dagster_aws.s3.compute_log_manager",
            "class": "S3ComputeLogManager",
            "config": {
                "bucket": logs_bucket,
                "prefix": logs_prefix,
                "local_dir": "/tmp/compute-logs",  # noqa: S108 - an emptyDir of the pod's own
                "skip_empty_files": True,
                "upload_interval": 30,
            },
        },
        "sensors": {"use_threads": True, "num_workers": 16},
        "retention": {
            "sensor": {"purge_after_days": {"skipped": 1, "started": 1, "success": 7, "failure": 30}},
            "schedule": {"purge_after_days": {"skipped": 7, "started": 7, "success": 30, "failure": 30}},
        },
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
    }


def _launcher(pods: RunPods) -> dict[str, Any]:
    return {
        "job_image": pods.image,
        "image_pull_policy": pods.image_pull_policy,
        "job_namespace": pods.namespace,
        "service_account_name": pods.service_account,
        "instance_config_map": pods.instance_config_map,
        "dagster_home": f"{pods.home}/dagster",
        "env_config_maps": [pods.settings_config_map],
        "env_secrets": list(pods.secrets),
        "env_vars": [f"RAG_HOME={pods.home}", f"RAG_COLLECTIONS={pods.collections}"],
        "volumes": [
            {"name": WORK, "emptyDir": {"sizeLimit": pods.scratch}},
            {"name": COLLECTIONS, "configMap": {"name": pods.collections_config_map}},
        ],
        "volume_mounts": [
            {"name": WORK, "mountPath": pods.home, "subPath": "home"},
            {"name": WORK, "mountPath": "/tmp", "subPath": "tmp"},  # noqa: S108 - an emptyDir of the pod's own
            {"name": COLLECTIONS, "mountPath": pods.collections, "readOnly": True},
        ],
        "resources": {"requests": pods.requests, "limits": pods.limits},
        "security_context": {
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "labels": {"app.kubernetes.io/part-of": "rag-assets"},
        "fail_pod_on_run_failure": True,
        "run_k8s_config": {
            # As many threads as cores are the run's own: a model must not start one for each core of its node.
            "container_config": {
                "env": [{"name": "RAG_THREADS", "valueFrom": {"resourceFieldRef": {"resource": "requests.cpu"}}}]
            },
            "pod_spec_config": {
                "automountServiceAccountToken": False,  # a run asks nothing of the cluster
                "terminationGracePeriodSeconds": 60,
                "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}, "fsGroup": 10001},
                "tolerations": [
                    {
                        "key": f"node.kubernetes.io/{state}",
                        "operator": "Exists",
                        "effect": "NoExecute",
                        "tolerationSeconds": pods.node_gone_s,
                    }
                    for state in ("not-ready", "unreachable")
                ],
            },
            "job_spec_config": {"backoffLimit": 0, "ttlSecondsAfterFinished": pods.finished_jobs_kept_s},
        },
    }
