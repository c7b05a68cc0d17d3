"""Three brokers: one may go, nothing is lost."""

from collections.abc import Iterator

import pytest

from tests.services.kafka import KafkaCluster

pytestmark = pytest.mark.xdist_group("kafka")  # one broker at a time is enough for the machine


@pytest.fixture(scope="module")
def cluster() -> Iterator[KafkaCluster]:
    with KafkaCluster(3) as started:
        yield started


def test_with_one_of_three_killed_records_go_on_and_it_catches_up_when_it_is_back(cluster: KafkaCluster) -> None:
    topic = cluster.create_topic(partitions=3)
    cluster.send(topic, [(None, b"%d" % number) for number in range(300)])
    cluster.kill9(1)
    cluster.send(topic, [(None, b"%d" % number) for number in range(300, 600)])
    during = cluster.read_all(topic)
    cluster.start(1)
    after = cluster.read_all(topic)
    expected = sorted(b"%d" % number for number in range(600))
    assert sorted(record.value or b"" for record in during) == expected
    assert sorted(record.value or b"" for record in after) == expected
