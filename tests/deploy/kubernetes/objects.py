"""What the platform has in the cluster: the namespace of the runs, their ConfigMaps and Secret, and who may do what."""

import base64

from tests.deploy.kubernetes.kubelet.api import ApiServer

NAMESPACE = "rag"
RULES = [
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get", "list", "delete"]},
    {"apiGroups": ["batch"], "resources": ["jobs/status"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "delete"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]},
]
"""What webserver and daemon may do in the runs' namespace."""

_SPACE = f"/api/v1/namespaces/{NAMESPACE}"
_ROLES = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
_JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"


def write_objects(api: ApiServer, *, files: dict[str, str], settings: dict[str, str], secrets: dict[str, str]) -> None:
    """Make what the pods of runs read, and the namespace with its rights where it is not there yet."""
    if api.find(_SPACE) is None:
        api.post("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        api.post(f"{_ROLES}/roles", {"metadata": {"name": "runs"}, "rules": RULES})
        api.post(
            f"{_ROLES}/rolebindings",
            {
                "metadata": {"name": "runs"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "runs"},
                "subjects": [{"kind": "User", "name": "launcher"}],
            },
        )
    api.post(f"{_SPACE}/configmaps", {"metadata": {"name": "rag-assets-collections"}, "data": files})
    api.post(f"{_SPACE}/configmaps", {"metadata": {"name": "rag-assets-settings"}, "data": settings})
    encoded = {name: base64.b64encode(value.encode()).decode() for name, value in secrets.items()}
    api.post(f"{_SPACE}/secrets", {"metadata": {"name": "rag-assets-secrets"}, "data": encoded})


def delete_objects(api: ApiServer) -> None:
    """Delete all of it but the namespace, and the jobs of runs."""
    for job in api.get(_JOBS)["items"]:
        api.delete(f"{_JOBS}/{job['metadata']['name']}", {"propagationPolicy": "Background"})
    for each in ("configmaps/rag-assets-collections", "configmaps/rag-assets-settings", "secrets/rag-assets-secrets"):
        api.delete(f"{_SPACE}/{each}")
