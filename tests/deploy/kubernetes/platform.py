"""The platform on a cluster: real PostgreSQL, index, S3, Dagster's code server and daemon; runs are pods of its nodes.

Dagster's own processes run beside the cluster, as user ``launcher``, who may do what docs/kubernetes-runs.md says.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import dagster as dg
import yaml

from rag_assets.kubernetes_instance import DATABASE_VARIABLE, RunPods, instance_on_kubernetes
from rag_core.arrivals import ArrivalState
from resources.clients.catalog import open_catalog
from tests.deploy.kubernetes.control_plane import LAUNCHER, ControlPlane
from tests.deploy.kubernetes.kubelet.api import ApiServer
from tests.deploy.kubernetes.objects import NAMESPACE, delete_objects, write_objects
from tests.qdrant.server import EdgeServer
from tests.services.loopback import free_ports, wait_until
from tests.services.postgres import PostgresServer
from tests.services.seaweed import SeaweedServer

PROJECT = Path(__file__).resolve().parents[3]
IMAGE = {
    "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
    "PYTHONPATH": str(PROJECT),
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as Dagster knows it."""

    id: str
    status: dg.DagsterRunStatus
    partition: str

    @property
    def job(self) -> str:
        """The name of its Kubernetes job."""
        return f"dagster-run-{self.id}"


class Platform:
    """Everything but the nodes, while the ``with`` block lasts; ``collections`` are files: name → YAML."""

    def __init__(
        self, control_plane: ControlPlane, folder: Path, collections: dict[str, str], *, most_at_once: int = 2
    ) -> None:
        self.folder = folder
        self.bucket = ""
        self._plane = control_plane
        self._collections = collections
        self._most_at_once = most_at_once
        self._opened = ExitStack()
        self._code_port, self._web_port = free_ports(2)

    def __enter__(self) -> Self:
        try:
            self._begin(self._opened)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _begin(self, opened: ExitStack) -> None:
        self._postgres = opened.enter_context(PostgresServer())
        self.index = opened.enter_context(EdgeServer())
        self._s3 = opened.enter_context(SeaweedServer())
        self.bucket = self._s3.create_bucket()
        self._storage_url = self._postgres.create_database().replace("postgresql://", "postgresql+psycopg2://", 1)
        self.catalog = opened.enter_context(open_catalog(self._postgres.url))
        self._write_files()
        api = ApiServer(self._plane.kubeconfig())
        opened.callback(api.close)
        files = {f"{name}.yaml": text for name, text in self._collections.items()}
        write_objects(api, files=files, settings=self._settings, secrets=self._secrets)
        opened.callback(delete_objects, api)
        os.environ[DATABASE_VARIABLE] = self._storage_url
        self.instance = opened.enter_context(dg.DagsterInstance.from_config(str(self._home)))
        server = "dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(self._code_port)
        self._start(
            "code-server", *server, "-m", "rag_assets.definitions", "-a", "defs", "--location-name", "rag_assets"
        )
        wait_until(lambda: "Started Dagster code server" in self.log("code-server"), what="the code server")
        self._start("daemon", "python", "-P", "-m", "rag_assets.daemon", str(self._home / "workspace.yaml"))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()
        os.environ.pop(DATABASE_VARIABLE, None)

    def put(self, key: str, text: str) -> None:
        """Write a document into the bucket."""
        with closing(self._s3.client()) as s3:
            s3.put_object(Bucket=self.bucket, Key=key, Body=text.encode())

    def put_all(self, documents: dict[str, str]) -> None:
        """Write many documents into the bucket."""
        with closing(self._s3.client()) as s3, ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda each: s3.put_object(Bucket=self.bucket, Key=each[0], Body=each[1].encode()),
                          documents.items()))  # fmt: skip

    def keys(self, prefix: str) -> list[str]:
        """Return the keys of the bucket that begin so."""
        with closing(self._s3.client()) as s3:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
            return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def runs(self, collection: str) -> list[Run]:
        """Return the collection's ingesting runs, newest first."""
        found = self.instance.get_runs(dg.RunsFilter(job_name=f"ingest_{collection}_job"))
        return [Run(id=run.run_id, status=run.status, partition=run.tags["dagster/partition"]) for run in found]

    def starting(self, collection: str) -> list[Run]:
        """Return the runs that were launched and have not begun."""
        return [run for run in self.runs(collection) if run.status is dg.DagsterRunStatus.STARTING]

    def started(self, collection: str) -> list[Run]:
        """Return the runs that work now."""
        return [run for run in self.runs(collection) if run.status is dg.DagsterRunStatus.STARTED]

    def failure(self, run: Run) -> str:
        """Return what Dagster says of why a run failed."""
        told = self.instance.all_logs(run.id, of_type=dg.DagsterEventType.RUN_FAILURE)
        return " ".join(each.get_dagster_event().message or "" for each in told)

    def states(self, collection: str) -> dict[ArrivalState, int]:
        """Return how many arrivals are in each state."""
        return {state: number for state, number in self.catalog.queries.counts_by_state(collection).items() if number}

    def wait_indexed(self, collection: str, documents: int, *, limit_s: float = 120) -> None:
        """Return once so many documents are indexed, nothing is due and no run is under way."""

        def is_so() -> bool:
            unfinished = [run for run in self.runs(collection) if run.status not in _OVER]
            states = self.states(collection)
            # Unchanged: a run was killed between the index and its own last word, and another found the work done.
            good = states.get(ArrivalState.INDEXED, 0) + states.get(ArrivalState.UNCHANGED, 0)
            return good == sum(states.values()) == documents and not unfinished

        try:
            wait_until(is_so, what=f"{documents} documents of {collection} indexed", limit_s=limit_s)
        except AssertionError as error:
            error.add_note(f"{self.states(collection)}, {self.runs(collection)[:5]}\n{self.log('daemon')[-3000:]}")
            raise

    def materialized(self, collection: str) -> set[str]:
        """Return the partitions whose vectors Dagster knows to be materialized."""
        return set(self.instance.get_materialized_partitions(dg.AssetKey([collection, "vectors"])))

    def audit(self, collection: str) -> dict[str, Any]:
        """Return what ``rag audit`` says of source, catalog, Parquet and index."""
        done = subprocess.run(
            [str(Path(sys.executable).with_name("rag")), "audit", collection, "--json"],
            env=self._environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode in {0, 1}, done.stderr
        return json.loads(done.stdout)

    def start_webserver(self) -> str:
        """Start Dagster's webserver and return its URL."""
        url = f"http://127.0.0.1:{self._web_port}"
        self._start("webserver", "dagster-webserver", "-h", "127.0.0.1", "-p", str(self._web_port),
                    "-w", str(self._home / "workspace.yaml"))  # fmt: skip
        wait_until(lambda: "Serving dagster-webserver" in self.log("webserver"), what="the webserver")
        return url

    def secret_values(self) -> list[str]:
        """Return what must stand in no job and no file of Dagster's."""
        return [value for name, value in self._secrets.items() if name != "AWS_ACCESS_KEY_ID"]

    def log(self, name: str) -> str:
        """Return what a process wrote."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    @property
    def _home(self) -> Path:
        return self.folder / "dagster"

    @property
    def _settings(self) -> dict[str, str]:
        """The settings' ConfigMap."""
        return {
            "RAG_PARQUET": f"s3://{self.bucket}/parquet",
            "RAG_QDRANT_URL": self.index.url,
            **{name: value for name, value in self._s3.environment.items() if "KEY" not in name},
        }

    @property
    def _secrets(self) -> dict[str, str]:
        return {
            "RAG_DATABASE_URL": self._postgres.url,
            DATABASE_VARIABLE: self._storage_url,
            **{name: value for name, value in self._s3.environment.items() if "KEY" in name},
        }

    @property
    def _environment(self) -> dict[str, str]:
        """Of Dagster's own processes."""
        return {
            **IMAGE,
            **self._settings,
            **self._secrets,
            "RAG_HOME": str(self.folder / "home"),
            "RAG_COLLECTIONS": str(self.folder / "collections"),
            "DAGSTER_HOME": str(self._home),
            "DAGSTER_GRPC_MAX_WORKERS": "16",
            "KUBECONFIG": str(self._plane.kubeconfig(LAUNCHER)),
            "HOME": str(self.folder),
        }

    def _write_files(self) -> None:
        for name in ("dagster", "collections", "home"):
            (self.folder / name).mkdir(parents=True)
        for name, text in self._collections.items():
            self._collections[name] = text.replace("BUCKET", self.bucket)
            (self.folder / "collections" / f"{name}.yaml").write_text(self._collections[name])
        written = instance_on_kubernetes(self._pods, logs_bucket=self.bucket)
        written["run_launcher"]["config"]["load_incluster_config"] = False  # KUBECONFIG, of these processes alone
        written["compute_logs"]["config"]["local_dir"] = str(self.folder / "compute-logs")
        (self._home / "dagster.yaml").write_text(yaml.safe_dump(written))
        server = {"host": "127.0.0.1", "port": self._code_port, "location_name": "rag_assets"}
        (self._home / "workspace.yaml").write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))

    @property
    def _pods(self) -> RunPods:
        return RunPods(
            image="rag-assets:tests",
            namespace=NAMESPACE,
            service_account="rag-assets-runs",
            settings_config_map="rag-assets-settings",
            secrets=("rag-assets-secrets",),
            most_at_once=self._most_at_once,
            node_gone_s=2,
            start_timeout_s=60,
            look_every_s=2,
        )

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(Path(sys.executable).parent / command[0]), *command[1:]],
                env=self._environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._opened.callback(_ended, process)


_OVER = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=10)
