"""The broker as a part of the local stack: ``rag up --kafka``."""

import importlib.util
from collections.abc import Callable

from local_stack.kafka_broker.jars import KAFKA_VERSION, fetch_jars, jars_folder
from local_stack.kafka_broker.java import find_java
from local_stack.kafka_broker.node import KafkaNode, broker_command, node_environment, prepare_node
from local_stack.parts import Part
from rag_core.errors import ConfigurationError
from resources.clients.settings import Settings


def kafka_part(settings: Settings) -> Part:
    """Return the part that runs the broker; its jars and its storage are there after ``prepare_kafka``."""
    node = _node(settings)
    return Part(
        name="kafka",
        command=tuple(broker_command(node, java=find_java(), jars=jars_folder())),
        environment=node_environment(),
        inherits_environment=False,
        folder=str(node.folder),
        url=node.address,
        port=node.port,
        port_setting="RAG_KAFKA_PORT",
        more_ports=(node.controller_port,),
        speaks="kafka",
        stop_limit_s=30,
    )


def prepare_kafka(settings: Settings, *, say: Callable[[str], None], show_passing: Callable[[str], None]) -> None:
    """Fetch the jars and format the storage, each unless it is there; starts nothing."""
    if importlib.util.find_spec("kafka") is None:
        raise ConfigurationError(
            "The Kafka client (kafka-python) is not installed.",
            remedy="Install the extra: pip install 'rag-assets[kafka]'.",
        )
    java = find_java()
    if not jars_folder().is_dir():
        say(f"Fetching Apache Kafka {KAFKA_VERSION} with Maven, about 60 MB …")
    jars = fetch_jars(java=java, watch=lambda fetched: show_passing(str(fetched)))
    show_passing("")
    node = _node(settings)
    if not node.has_storage:
        say("Formatting Kafka's storage …")
    prepare_node(node, java=java, jars=jars)


def _node(settings: Settings) -> KafkaNode:
    port = settings.kafka_port
    return KafkaNode(folder=settings.home / "kafka", port=port, controller_port=port + 1)
