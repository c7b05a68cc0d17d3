"""What the ``kafka:`` section says of login and TLS reaches the broker, and why a broker lets nobody in is said."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rag_core.errors import ConfigurationError, DependencyUnavailable
from rag_core.kafka import Kafka
from resources.clients.kafka.reading import KafkaReader
from tests.services.secured_kafka import SecuredKafka

ENVIRON = {"K_USER": SecuredKafka.username, "K_PASSWORD": SecuredKafka.password}
LOGIN = {"username_env": "K_USER", "password_env": "K_PASSWORD"}


@pytest.fixture(scope="module")
def secured() -> Iterator[SecuredKafka]:
    with SecuredKafka() as running:
        yield running


def reader(secured: SecuredKafka, listener: str, security: dict[str, Any], environ: dict[str, str]) -> KafkaReader:
    values = {
        "bootstrap_servers": [secured.bootstrap_of(listener)],
        "security": security,
        "outcomes": {"topic": "unused"},
    }
    return KafkaReader(Kafka.model_validate(values), group=None, max_message_bytes=1024, environ=environ)


def ways_in(secured: SecuredKafka) -> dict[str, tuple[str, dict[str, Any]]]:
    tls = {
        "ca_file": str(secured.ca_file),
        "certificate_file": str(secured.certificate_file),
        "key_file": str(secured.key_file),
    }
    ca = {"ca_file": str(secured.ca_file)}
    return {
        "plain": ("SASL", {"protocol": "SASL_PLAINTEXT", "mechanism": "PLAIN", **LOGIN}),
        "scram": ("SASL", {"protocol": "SASL_PLAINTEXT", "mechanism": "SCRAM-SHA-512", **LOGIN}),
        "certificate": ("TLS", {"protocol": "SSL", **tls}),
        "scram over tls": ("SASLTLS", {"protocol": "SASL_SSL", "mechanism": "SCRAM-SHA-512", **LOGIN, **ca}),
    }


@pytest.mark.parametrize("way", ["plain", "scram", "certificate", "scram over tls"])
def test_declared_security_opens_the_broker(secured: SecuredKafka, way: str) -> None:
    topic = secured.create_topic(partitions=3)
    listener, security = ways_in(secured)[way]
    with reader(secured, listener, security, ENVIRON) as opened:
        assert sorted(opened.describe([topic])[topic].offsets) == [0, 1, 2]


def test_a_wrong_password_is_said_without_saying_it(secured: SecuredKafka) -> None:
    listener, security = ways_in(secured)["plain"]
    with (
        pytest.raises(DependencyUnavailable) as caught,
        reader(secured, listener, security, {**ENVIRON, "K_PASSWORD": "hunter2"}) as opened,
    ):
        opened.describe(["any"])
    said = str(caught.value)
    # A busy broker may close the connection before its word why is read: then the remedy is all that there is to say.
    assert "uthentication" in said or ("Unable to bootstrap" in said and "credentials" in said)
    assert "hunter2" not in said


def test_a_password_that_is_not_set_is_named(secured: SecuredKafka) -> None:
    listener, security = ways_in(secured)["plain"]
    with pytest.raises(ConfigurationError, match="K_PASSWORD"):
        reader(secured, listener, security, {"K_USER": "reader"})


def test_a_broker_that_is_not_there_is_named() -> None:
    kafka = Kafka.model_validate({"bootstrap_servers": ["127.0.0.1:1"], "outcomes": {"topic": "unused"}})
    with (
        pytest.raises(DependencyUnavailable, match=r"127\.0\.0\.1:1"),
        KafkaReader(kafka, group=None, max_message_bytes=1024) as opened,
    ):
        opened.describe(["any"])


def test_connections_at_once_do_not_take_each_others_reason(secured: SecuredKafka) -> None:
    listener, security = ways_in(secured)["plain"]
    absent = Kafka.model_validate({"bootstrap_servers": ["127.0.0.1:1"], "outcomes": {"topic": "unused"}})
    refused = reader(secured, listener, security, {**ENVIRON, "K_PASSWORD": "hunter2"})
    nobody = KafkaReader(absent, group=None, max_message_bytes=1024)
    with refused, nobody, ThreadPoolExecutor(2) as threads:
        login, away = threads.map(lambda each: _why(each), (refused, nobody))
    assert "uthentication" in login
    assert "uthentication" not in away
    assert "127.0.0.1:1:" not in login


def _why(opened: KafkaReader) -> str:
    with pytest.raises(DependencyUnavailable) as caught:
        opened.describe(["any"])
    return str(caught.value)
