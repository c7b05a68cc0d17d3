"""No client of ours makes a topic by asking for it, and one that is given up says nothing more."""

import gc
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaTimeoutError

from rag_core.kafka import Kafka
from resources.clients.kafka.connecting import close_producer, without_creating_topics
from resources.clients.kafka.reading import KafkaReader
from tests.services.kafka import KafkaBroker


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaBroker]:
    """A broker that makes topics that are asked for, as brokers do unless they are told not to."""
    with KafkaBroker(properties={"auto.create.topics.enable": "true"}) as running:
        yield running


def test_a_topic_that_is_deleted_while_it_is_read_is_not_made_again(broker: KafkaBroker) -> None:
    topic = broker.create_topic(partitions=3)
    broker.send(topic, [(b"k", b"v")], partition=0)
    kafka = Kafka.model_validate({"bootstrap_servers": [broker.bootstrap], "outcomes": {"topic": "unused"}})
    with KafkaReader(kafka, group=None, max_message_bytes=1024) as opened:
        opened.go_to({(topic, number): 0 for number in range(3)})
        assert opened.poll(timeout_s=30, max_records=10).messages
        broker.delete_topic(topic)
        for _ in range(5):
            refreshed: Any = opened._consumer._manager.cluster.request_update()
            opened.poll(timeout_s=0.5, max_records=10)
            assert refreshed.is_done
        assert opened.describe([topic]) == {}
        with broker.admin() as admin:
            assert topic not in admin.list_topics()


def test_a_producer_makes_no_topic(broker: KafkaBroker) -> None:
    topic = f"test-{uuid.uuid4().hex[:12]}"
    servers = broker.bootstrap.split(",")
    producer = without_creating_topics(KafkaProducer(bootstrap_servers=servers, max_block_ms=1000))
    with closing(producer), pytest.raises(KafkaTimeoutError):
        producer.send(topic, b"v").get(10)
    with broker.admin() as admin:
        assert topic not in admin.list_topics()


@pytest.mark.parametrize("kind", [KafkaConsumer, KafkaProducer, KafkaAdminClient])
def test_what_is_set_is_what_kafka_python_asks_with(broker: KafkaBroker, kind: Any) -> None:
    client = kind(bootstrap_servers=broker.bootstrap.split(","))
    with closing(client):
        cluster = (client._client if hasattr(client, "_client") else client._sender._client)._manager.cluster
        assert cluster.metadata_request().allow_auto_topic_creation is True
        without_creating_topics(client)
        assert cluster.metadata_request().allow_auto_topic_creation is False


def test_a_producer_that_is_closed_while_its_broker_is_dead_says_nothing_more(
    broker: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    topic = broker.create_topic()
    producer: Any = KafkaProducer(bootstrap_servers=broker.bootstrap.split(","))
    producer.send(topic, b"before").get(30)
    broker.kill9()
    try:
        future = producer.send(topic, b"after")
        close_producer(producer, timeout_s=1)
        assert not producer._sender.is_alive()
        assert future.is_done
        del producer
        gc.collect()
        assert said == []
    finally:
        broker.start()
