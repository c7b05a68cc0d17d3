"""Where messages go: the brokers, by a collection's file or by address, and the topic, made if asked for."""

import os
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from rag_core.errors import ConfigurationError, DependencyUnavailable, InvalidRequest
from rag_core.kafka import DEFAULT_BOOTSTRAP_ENV, Kafka, Outcomes
from resources.clients.collection_files import load_collection
from resources.clients.kafka.connecting import connection, translating, without_creating_topics
from resources.clients.settings import Settings

DEFAULT_MESSAGE_BYTES = 1_048_588
"""What Kafka takes where nobody says anything else."""

_UNKNOWN_TOPIC, _TOPIC_FORBIDDEN = 3, 29


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A topic that is there, and what its brokers take. ``connection`` holds secrets: it is never shown."""

    connection: dict[str, Any]
    topic: str
    partitions: int
    max_message_bytes: int
    needs_keys: bool

    @property
    def servers(self) -> list[str]:
        """The brokers' addresses."""
        return self.connection["bootstrap_servers"]


def chosen_target(
    settings: Settings, *, topic: str | None, bootstrap: str | None, collection: str | None, partitions: int | None
) -> Target:
    """Return the target that the options name; raises ``RagError`` with the option to give.

    A collection gives its brokers, their security settings and, where its streams read only one, the topic;
    ``bootstrap`` comes before its addresses. Without a collection brokers are spoken to without TLS and login.
    """
    kafka = None if collection is None else _kafka_of(settings, collection)
    name = topic or _only_topic(kafka, collection)
    kafka = _usable(kafka, name, bootstrap, settings)
    known = {} if settings.kafka is None else {DEFAULT_BOOTSTRAP_ENV: settings.kafka}
    return _looked_at(connection(kafka, {**known, **os.environ}), name, partitions)


def _kafka_of(settings: Settings, collection: str) -> Kafka:
    loaded = load_collection(settings.collections, collection)
    if loaded.collection.kafka is None:
        raise InvalidRequest(
            f"The collection {collection!r} has no kafka section.", remedy="Add one to its file, or say --bootstrap."
        )
    return loaded.collection.kafka


def _only_topic(kafka: Kafka | None, collection: str | None) -> str:
    topics = [] if kafka is None else [topic for stream in kafka.streams for topic in stream.topics]
    if len(topics) == 1:
        return topics[0]
    if topics:
        raise InvalidRequest(f"{collection!r} reads several topics.", remedy=f"Say --topic: {', '.join(topics)}.")
    raise InvalidRequest("Which topic?", remedy="Say --topic NAME, or --collection with one that reads a topic.")


def _usable(kafka: Kafka | None, topic: str, bootstrap: str | None, settings: Settings) -> Kafka:
    """Return the section with the brokers and the topic checked as a collection's file would be."""
    given = bootstrap or (settings.kafka if kafka is None else None)
    servers = tuple(each.strip() for each in (given or "").split(",") if each.strip())
    if kafka is None and not servers:
        raise ConfigurationError(
            "Nobody says where Kafka is.",
            remedy=f"Start one with 'rag up --kafka', set {DEFAULT_BOOTSTRAP_ENV}, or say --bootstrap HOST:PORT.",
        )
    try:
        # A section has to name a topic: here it is the one that is written to.
        checked = Kafka(bootstrap_servers=servers, outcomes=Outcomes(topic=topic))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]["msg"]
        raise InvalidRequest(f"{first}.", remedy="Correct --topic or --bootstrap.") from None
    if kafka is None:
        return checked
    return kafka.model_copy(update={"bootstrap_servers": servers, "bootstrap_env": None}) if servers else kafka


def _looked_at(settings: dict[str, Any], topic: str, partitions: int | None) -> Target:
    """Return what the brokers say of the topic, made before if it is not there and ``partitions`` says how."""
    try:
        from kafka.admin import KafkaAdminClient
    except ImportError as error:
        raise ConfigurationError(
            "kafka-python is not installed.", remedy="Install it: pip install 'rag-assets[kafka]'."
        ) from error
    try:
        with translating("look at the topic", settings):
            admin = without_creating_topics(KafkaAdminClient(**settings))
            try:
                found = _described(admin, topic, partitions)
                configs = _configs(admin, topic)
            finally:
                admin.close()
    except DependencyUnavailable as error:
        raise DependencyUnavailable(
            error.message,
            dependency="kafka",
            remedy="Nothing was sent. Compare bootstrap servers, security protocol and credentials with the broker's.",
        ) from error.__cause__
    return Target(
        connection=settings,
        topic=topic,
        partitions=found,
        max_message_bytes=int(configs.get("max.message.bytes") or DEFAULT_MESSAGE_BYTES),
        needs_keys="compact" in configs.get("cleanup.policy", ""),
    )


def _described(admin: Any, topic: str, partitions: int | None) -> int:
    """Return how many partitions the topic has."""
    from kafka.errors import for_code

    (said,) = admin.describe_topics([topic])
    if said["error_code"] == _UNKNOWN_TOPIC:
        _make(admin, topic, partitions)
        (said,) = admin.describe_topics([topic])
    if said["error_code"] == _TOPIC_FORBIDDEN:
        raise InvalidRequest(f"This user may not see the topic {topic!r}.", remedy="Ask for the right to write to it.")
    if said["error_code"]:
        raise for_code(said["error_code"])(topic)
    return len(said["partitions"])


def _make(admin: Any, topic: str, partitions: int | None) -> None:
    """Make the topic, with the brokers' defaults for the rest."""
    from kafka.errors import BrokerResponseError, TopicAlreadyExistsError

    if partitions is None:
        raise InvalidRequest(
            f"There is no topic {topic!r}.", remedy="Say --partitions N to make it, or correct --topic."
        )
    try:
        admin.create_topics({topic: {"num_partitions": partitions}})
    except TopicAlreadyExistsError:
        pass  # somebody else was faster
    except BrokerResponseError as error:
        if error.retriable:
            raise
        raise InvalidRequest(
            f"The brokers make no topic {topic!r}: {error}.", remedy="Ask for the right, or make it by their own tools."
        ) from error
    admin.wait_for_topics([topic])


def _configs(admin: Any, topic: str) -> dict[str, str]:
    """Return the topic's settings; empty where this user may not see them."""
    from kafka.admin import ConfigResource, ConfigResourceType

    said = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
    settings = said.get("topic", {}).get(topic, {})
    return {name: each["value"] for name, each in settings.items() if each["value"] is not None}
