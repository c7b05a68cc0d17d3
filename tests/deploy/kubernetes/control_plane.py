"""A real Kubernetes control plane on loopback: etcd, kube-apiserver and kube-controller-manager, without containers."""

import json
import shutil
import subprocess
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import kubernetes.client
import kubernetes.config
import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.deploy.tools import tool
from tests.services.loopback import free_ports, wait_until

ADMIN = "admin-only-for-tests"
LAUNCHER = "launcher-only-for-tests"
CONTROLLERS = (
    "job-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "node-lifecycle-controller",
    "taint-eviction-controller",
    "pod-garbage-collector-controller",
    "ttl-after-finished-controller",
)
NODE_SILENT_S = 6
"""After so long without a heartbeat a node counts as unreachable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ports:
    etcd: int
    peers: int
    api: int


class ControlPlane:
    """A cluster without nodes while the ``with`` block lasts; its folder holds a kubeconfig for each user."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rag-kubernetes-"))
        etcd, peers, api = free_ports(3)
        self._ports = _Ports(etcd=etcd, peers=peers, api=api)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._tools = {name: tool(name) for name in ("etcd", "kube-apiserver", "kube-controller-manager")}

    def __enter__(self) -> Self:
        try:
            self._write_keys()
            self._start("etcd", *self._etcd())
            self.start_api_server()
            self._start("kube-controller-manager", *self._controllers())
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in reversed(list(self._running)):
            self._end(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self) -> str:
        """Where the API server answers."""
        return f"https://127.0.0.1:{self._ports.api}"

    def kubeconfig(self, user: str = ADMIN) -> Path:
        """Return the kubeconfig of a user."""
        return self.folder / f"{user}.kubeconfig"

    def client(self, user: str = ADMIN) -> kubernetes.client.ApiClient:
        """Return a client of the API server; close it."""
        return kubernetes.config.new_client_from_config(str(self.kubeconfig(user)))

    def start_api_server(self) -> None:
        """Start the API server and return when it is ready."""
        self._start("kube-apiserver", *self._api_server())
        wait_until(self._is_ready, what="the API server to be ready")
        for user in (ADMIN, LAUNCHER):
            self._write_kubeconfig(user)

    def stop_api_server(self) -> None:
        """Kill the API server as a crash would; everything it knew is in etcd."""
        self._end("kube-apiserver")

    def log(self, name: str) -> str:
        """Return the end of what a program wrote."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-4000:]

    def _start(self, name: str, *options: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [str(self._tools[name]), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    def _end(self, name: str) -> None:
        process = self._running.pop(name, None)
        if process is not None:
            process.kill()
            process.wait(timeout=30)

    def _etcd(self) -> list[str]:
        clients, peers = f"http://127.0.0.1:{self._ports.etcd}", f"http://127.0.0.1:{self._ports.peers}"
        return [
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def _api_server(self) -> list[str]:
        return [
            f"--etcd-servers=http://127.0.0.1:{self._ports.etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._ports.api}",
            f"--cert-dir={self.folder / 'certs'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder / 'sa.pub'}",
            f"--service-account-signing-key-file={self.folder / 'sa.key'}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/24",
            "--disable-admission-plugins=ServiceAccount",
            "--endpoint-reconciler-type=none",
        ]

    def _controllers(self) -> list[str]:
        return [
            f"--kubeconfig={self.kubeconfig()}",
            "--bind-address=127.0.0.1",
            "--secure-port=0",
            f"--service-account-private-key-file={self.folder / 'sa.key'}",
            "--leader-elect=false",
            f"--controllers={','.join(CONTROLLERS)}",
            f"--node-monitor-grace-period={NODE_SILENT_S}s",
            "--node-monitor-period=1s",
        ]

    def _write_keys(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        plain = serialization.NoEncryption()
        pem, public = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        (self.folder / "sa.key").write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, plain)
        )
        (self.folder / "sa.pub").write_bytes(key.public_key().public_bytes(pem, public))
        (self.folder / "tokens.csv").write_text(f"{ADMIN},admin,admin,system:masters\n{LAUNCHER},launcher,launcher\n")

    def _write_kubeconfig(self, user: str) -> None:
        config: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "clusters": [
                {
                    "name": "tests",
                    "cluster": {
                        "server": self.url,
                        "certificate-authority": str(self.folder / "certs" / "apiserver.crt"),
                    },
                }
            ],
            "users": [{"name": user, "user": {"token": user}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": user, "namespace": "default"}}],
        }
        self.kubeconfig(user).write_text(json.dumps(config))

    def _is_ready(self) -> bool:
        if self._running["kube-apiserver"].poll() is not None:
            raise AssertionError(f"the API server ended: {self.log('kube-apiserver')}")
        certificate = self.folder / "certs" / "apiserver.crt"
        if not certificate.exists():
            return False
        with closing(_Once(ca_certs=str(certificate))) as pool:
            try:
                answer = pool.request("GET", f"{self.url}/readyz", headers={"Authorization": f"Bearer {ADMIN}"})
            except urllib3.exceptions.HTTPError:
                return False
        return answer.status == 200


class _Once(urllib3.PoolManager):
    """Connections that are not tried again and end with the block."""

    def __init__(self, *, ca_certs: str) -> None:
        super().__init__(ca_certs=ca_certs, retries=False, timeout=2)

    def close(self) -> None:
        self.clear()
