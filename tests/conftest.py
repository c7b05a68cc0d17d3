"""What every area may ask for; nothing is started before a test does."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.services.kafka_topics import KafkaTopics


@pytest.fixture(scope="session")
def kafka() -> Iterator["KafkaTopics"]:
    """A Kafka for tests that make their own topics and kill nothing; started once a session, or named from outside."""
    from tests.services.kafka import kafka_for_topics

    with kafka_for_topics() as topics:
        yield topics
