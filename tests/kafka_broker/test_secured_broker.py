"""The broker that asks who comes lets in who may, and nobody else."""

from collections.abc import Iterator
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaTimeoutError

from tests.services.secured_kafka import SecuredKafka

pytestmark = pytest.mark.xdist_group("kafka")  # one broker at a time is enough for the machine


@pytest.fixture(scope="module")
def secured() -> Iterator[SecuredKafka]:
    with SecuredKafka() as started:
        yield started


def ways_in(kafka: SecuredKafka) -> dict[str, dict[str, Any]]:
    user = {"sasl_plain_username": kafka.username, "sasl_plain_password": kafka.password}
    trust = {"ssl_cafile": str(kafka.ca_file)}
    certificate = {"ssl_certfile": str(kafka.certificate_file), "ssl_keyfile": str(kafka.key_file)}
    return {
        "plain": {"listener": "SASL", "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", **user},
        "scram": {"listener": "SASL", "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "SCRAM-SHA-512", **user},
        "both": {"listener": "SASLTLS", "security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", **user, **trust},
        "certificate": {"listener": "TLS", "security_protocol": "SSL", **trust, **certificate},
    }


def topics_seen(kafka: SecuredKafka, *, listener: str, **settings: Any) -> list[str]:
    client = KafkaAdminClient(bootstrap_servers=kafka.bootstrap_of(listener), bootstrap_timeout_ms=5000, **settings)
    with client:
        return client.list_topics()


@pytest.mark.parametrize("way", ["plain", "scram", "both", "certificate"])
def test_who_may_come_in_does(secured: SecuredKafka, way: str) -> None:
    topic = secured.create_topic()
    assert topic in topics_seen(secured, **ways_in(secured)[way])


def test_a_wrong_password_stays_outside(secured: SecuredKafka) -> None:
    way = {**ways_in(secured)["plain"], "sasl_plain_password": "wrong"}
    with pytest.raises(KafkaTimeoutError):
        topics_seen(secured, **way)
