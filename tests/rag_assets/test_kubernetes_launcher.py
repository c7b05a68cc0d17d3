"""What the launcher says of a run's pod while the API server hangs; a cluster that answers is tests/deploy's."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import dagster as dg
import pytest
import yaml
from dagster._core.launcher.base import WorkerStatus
from dagster._core.test_utils import create_run_for_test

from rag_assets.kubernetes_launcher import RunPodLauncher


class Impatient(RunPodLauncher):
    answer_limit_s: ClassVar[tuple[float, float]] = (0.2, 0.2)


class HangingServer:
    """Accepts connections and says nothing; ``asked`` counts them."""

    def __init__(self) -> None:
        self.asked = 0
        self._held: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._held.append(connection)
            self.asked += 1

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for each in (self._listener, *self._held):
            each.close()


@pytest.fixture
def server() -> Iterator[HangingServer]:
    running = HangingServer()
    yield running
    running.close()


def test_an_api_server_that_hangs_is_no_news_and_is_not_asked_for_every_run(
    server: HangingServer, tmp_path: Path
) -> None:
    named = {"cluster": "c", "user": "u"}
    kubeconfig = {
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": named}],
        "current-context": "x",
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    with dg.DagsterInstance.ephemeral() as instance:
        launcher = Impatient(
            service_account_name="runs",
            instance_config_map="dagster",
            dagster_home="/dagster",
            job_image="image",
            load_incluster_config=False,
            kubeconfig_file=str(tmp_path / "kubeconfig"),
        )
        launcher.register_instance(instance)
        runs = [create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED) for _ in range(2)]

        first = launcher.check_run_worker_health(runs[0])
        asked = server.asked
        second = launcher.check_run_worker_health(runs[1])

    assert (first.status, second.status) == (WorkerStatus.RUNNING, WorkerStatus.RUNNING)
    assert asked
    assert server.asked == asked
