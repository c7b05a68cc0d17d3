"""Real Apache Kafka brokers of a test session: one, or three of a cluster, from the jars that Maven fetches.

``RAG_TEST_KAFKA`` (``host:port``, comma-separated) names a Kafka that runs, for the tests that need no broker to die.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from local_stack.kafka_broker.handshake import kafka_answers
from local_stack.kafka_broker.jars import fetch_jars
from local_stack.kafka_broker.java import Java, find_java
from local_stack.kafka_broker.node import (
    HOST,
    KafkaNode,
    broker_command,
    new_cluster_id,
    node_environment,
    prepare_node,
)
from rag_core.errors import RagError
from tests.services.kafka_topics import KafkaTopics
from tests.services.loopback import free_ports, wait_until

GIVEN = "RAG_TEST_KAFKA"
_FOR_TESTS = {
    "auto.create.topics.enable": "false",
    "log.cleaner.backoff.ms": "500",  # compaction, and what retention leaves, within a test's patience
    "log.retention.check.interval.ms": "1000",
    "log.initial.task.delay.ms": "500",
}
_ROOT = Path(__file__).parents[2]
_BECOME = """
import os, signal, sys
from local_stack.parent_death import end_with_parent
end_with_parent(signal.SIGKILL, parent=int(sys.argv[1]))
os.execv(sys.argv[2], sys.argv[2:])
"""
"""A killed pytest leaves no broker behind: the kernel kills it, too."""


class KafkaCluster(KafkaTopics):
    """Brokers on free loopback ports in folders of their own while the ``with`` block lasts, then gone with all of it.

    Brokers are numbered from 0. Topics do not come into being by themselves: ``create_topic`` makes them. ``listeners``
    names more ways in, each with its protocol (such as SASL_SSL): ``bootstrap_of`` says where they are.
    """

    def __init__(
        self,
        brokers: int = 3,
        *,
        properties: Mapping[str, str] | None = None,
        listeners: Mapping[str, str] | None = None,
    ) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="rag-kafka-"))
        more = dict(listeners or {})
        ports = free_ports((2 + len(more)) * brokers)
        controllers = {number + 1: ports[brokers + number] for number in range(brokers)}
        self.nodes = tuple(
            KafkaNode(
                folder=self._home / str(number),
                node_id=number + 1,
                port=ports[number],
                controller_port=controllers[number + 1],
                other_controllers={id_: port for id_, port in controllers.items() if id_ != number + 1},
                more_listeners={
                    name: (protocol, ports[(2 + place) * brokers + number])
                    for place, (name, protocol) in enumerate(more.items())
                },
                properties={**_FOR_TESTS, **(properties or {})},
            )
            for number in range(brokers)
        )
        super().__init__(",".join(node.address for node in self.nodes), copies=min(3, brokers))
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        # The kernel's signal comes with the end of the *thread* that started a broker: so one that stays does it.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kafka-starter")

    def __enter__(self) -> Self:
        try:
            self._java, self._jars = _installed()
            cluster_id = new_cluster_id()
            for node in self.nodes:
                prepare_node(node, java=self._java, jars=self._jars, cluster_id=cluster_id)
            for number in range(len(self.nodes)):
                self._spawn(number)
            for number in range(len(self.nodes)):
                self._wait_until_usable(number)
        except BaseException:
            self._clear()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def bootstrap_of(self, listener: str) -> str:
        """Return the bootstrap servers of one of the ``listeners``."""
        return ",".join(f"{HOST}:{node.more_listeners[listener][1]}" for node in self.nodes)

    def start(self, broker: int = 0) -> None:
        """Start a broker that was killed or stopped, on its old data; return when clients can use it."""
        self._spawn(broker)
        self._wait_until_usable(broker)

    def stop(self, broker: int = 0) -> None:
        """Ask a broker to end in order, and wait for it."""
        self._end(broker, signal.SIGTERM)

    def kill9(self, broker: int = 0) -> None:
        """Kill a broker as a crash would."""
        self._end(broker, signal.SIGKILL)

    def restart(self, broker: int = 0) -> None:
        """Start again after ``kill9`` or ``stop``, or stop and start a running broker; same address, same records."""
        self.stop(broker)
        self.start(broker)

    def log_text(self, broker: int = 0) -> str:
        """Return what a broker has logged since it was first started."""
        return (self.nodes[broker].folder / "log").read_text(encoding="utf-8", errors="replace")

    def _spawn(self, broker: int) -> None:
        assert broker not in self._processes, f"broker {broker} runs already"
        node = self.nodes[broker]
        command = broker_command(node, java=self._java, jars=self._jars)
        with (node.folder / "log").open("ab") as log:
            self._processes[broker] = self._starter.submit(
                subprocess.Popen,
                [sys.executable, "-c", _BECOME, str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=node.folder,
                env={**node_environment(), "PYTHONPATH": str(_ROOT)},
            ).result()

    def _wait_until_usable(self, broker: int) -> None:
        wait_until(lambda: self._answers(broker), what=f"broker {broker} to answer", limit_s=120)
        node_id = self.nodes[broker].node_id
        with self.admin() as admin:
            wait_until(
                lambda: node_id in {each["broker_id"] for each in _taking_part(admin.describe_cluster())},
                what=f"broker {broker} to be one of its cluster",
            )

    def _answers(self, broker: int) -> bool:
        process = self._processes.get(broker)
        if process is None or process.poll() is not None:
            raise AssertionError(f"broker {broker} ended: {self.log_text(broker)[-2000:]}")
        try:
            return kafka_answers(self.nodes[broker].port, timeout_s=2)
        except OSError:
            return False

    def _end(self, broker: int, by: signal.Signals) -> None:
        process = self._processes.pop(broker, None)
        if process is not None:
            process.send_signal(by)
            process.wait(timeout=60)

    def _clear(self) -> None:
        for broker in list(self._processes):
            self.kill9(broker)  # nothing is kept: no reason to wait for a clean end
        self._starter.shutdown()
        shutil.rmtree(self._home, ignore_errors=True)


class KafkaBroker(KafkaCluster):
    """One broker of its own, which a test may kill."""

    def __init__(
        self, *, properties: Mapping[str, str] | None = None, listeners: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(1, properties=properties, listeners=listeners)


@contextmanager
def kafka_for_topics() -> Iterator[KafkaTopics]:
    """Yield the Kafka that ``RAG_TEST_KAFKA`` names, or else a broker that is started now and ends with the block."""
    given = os.environ.get(GIVEN)
    if given is None:
        with KafkaBroker() as broker:
            yield broker
        return
    topics = KafkaTopics(given)
    yield topics
    topics.delete_made_topics()


def _taking_part(cluster: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [broker for broker in cluster["brokers"] if not broker.get("is_fenced", False)]


def _installed() -> tuple[Java, Path]:
    """Return Java and Kafka's jars, or leave the test out (fail it where nothing may be) with what to install."""
    try:
        java = find_java()
        return java, fetch_jars(java=java)
    except RagError as error:
        missing = f"{error} ({GIVEN} names one for tests.)"
        if os.environ.get("RAG_TEST_REQUIRE_ALL"):
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
