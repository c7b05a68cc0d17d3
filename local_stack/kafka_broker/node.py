"""One KRaft node, broker and controller at once, on loopback: its configuration, its storage, its command line."""

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local_stack.kafka_broker.java import Java
from rag_core.errors import ConfigurationError

HOST = "127.0.0.1"
_FORMAT_LIMIT_S = 120
_HEAP = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC")
_QUICK_START = "-XX:TieredStopAtLevel=1"
"""Half of what a start costs is optimising code that one machine's broker hardly runs: 4.7 s of CPU, not 8.4."""

# Kafka's last words come while Java shuts down: log4j does not go before them.
_LOGGING = """shutdownHook = disable
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %c{1} %m%n
logger.values.name = org.apache.kafka.common.config.AbstractConfig
logger.values.level = warn
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaNode:
    """A node whose files lie in ``folder``; everything in them is named from there, whatever the folder is called."""

    folder: Path
    port: int
    controller_port: int
    node_id: int = 1
    other_controllers: Mapping[int, int] = field(default_factory=dict[int, int])
    """Node id → controller port of the other nodes of its cluster, all on this machine."""
    more_listeners: Mapping[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    """Name → protocol (such as SASL_SSL) and port of what clients may use beside the plain listener."""
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    """More of ``server.properties``, or other values for what is there."""

    @property
    def address(self) -> str:
        """Where clients connect."""
        return f"{HOST}:{self.port}"

    @property
    def has_storage(self) -> bool:
        """Tell whether its data folder was formatted."""
        return (self.folder / "data" / "meta.properties").exists()


def new_cluster_id() -> str:
    """Return an id for a cluster, in the form Kafka gives to its own."""
    while (made := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass  # a leading hyphen would be read as an option
    return made


def prepare_node(node: KafkaNode, *, java: Java, jars: Path, cluster_id: str | None = None) -> None:
    """Write the node's configuration; format its storage, beside its place and renamed, if that was never done."""
    (node.folder / "tmp").mkdir(mode=0o700, parents=True, exist_ok=True)
    (node.folder / "log4j2.properties").write_text(_LOGGING, encoding="utf-8")
    (node.folder / "server.properties").write_text(server_properties(node), encoding="utf-8")
    if node.has_storage:
        return
    formatting = node.folder / "format.properties"
    formatting.write_text(server_properties(node, data="data.new"), encoding="utf-8")
    shutil.rmtree(node.folder / "data.new", ignore_errors=True)
    done = subprocess.run(
        [
            *_java(node, java=java, jars=jars),
            "kafka.tools.StorageTool",
            *("format", "-t", cluster_id or new_cluster_id(), "-c", formatting.name),
        ],
        cwd=node.folder,
        env=node_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_FORMAT_LIMIT_S,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise ConfigurationError(f"Kafka's storage could not be formatted: {said[-1][:500]}")
    (node.folder / "data.new").rename(node.folder / "data")
    formatting.unlink()


def server_properties(node: KafkaNode, *, data: str = "data") -> str:
    """Return the text of ``server.properties``."""
    controllers = {**node.other_controllers, node.node_id: node.controller_port}
    copies = str(min(3, len(controllers)))
    in_sync = str(min(2, len(controllers)))
    listeners = {"PLAINTEXT": ("PLAINTEXT", node.port), **node.more_listeners}
    for_clients = [f"{name}://{HOST}:{port}" for name, (_, port) in listeners.items()]
    protocols = [f"{name}:{protocol}" for name, (protocol, _) in listeners.items()]
    values = {
        "process.roles": "broker,controller",
        "node.id": str(node.node_id),
        "controller.quorum.voters": ",".join(f"{id_}@{HOST}:{port}" for id_, port in sorted(controllers.items())),
        "listeners": ",".join([*for_clients, f"CONTROLLER://{HOST}:{node.controller_port}"]),
        "advertised.listeners": ",".join(for_clients),
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": ",".join([*protocols, "CONTROLLER:PLAINTEXT"]),
        "log.dirs": data,
        "auto.create.topics.enable": "true",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.num.partitions": "1",
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.num.partitions": "1",
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        "group.initial.rebalance.delay.ms": "0",
        "broker.session.timeout.ms": "3000",  # after kill -9 the broker is waited for so long before it may come back
        "broker.heartbeat.interval.ms": "500",
        **node.properties,
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def broker_command(node: KafkaNode, *, java: Java, jars: Path) -> list[str]:
    """Return the argv of the node; it is to be started in the node's folder."""
    return [*_java(node, java=java, jars=jars), *_HEAP, "kafka.Kafka", "server.properties"]


def node_environment() -> dict[str, str]:
    """Return the few variables the node needs: none of ours, so none of our secrets."""
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _java(node: KafkaNode, *, java: Java, jars: Path) -> list[str]:
    return [
        str(java.program),
        *("-cp", f"{jars}/*"),
        _QUICK_START,
        "-Djava.awt.headless=true",
        f"-Djava.io.tmpdir={node.folder / 'tmp'}",  # compression libraries unpack themselves there, and stay
        "-Dlog4j2.configurationFile=log4j2.properties",
        "-XX:-UsePerfData",  # a file in /tmp for each start otherwise, which kill -9 leaves
        "-XX:+ExitOnOutOfMemoryError",
    ]
