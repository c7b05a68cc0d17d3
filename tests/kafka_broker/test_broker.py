"""One broker: what is sent to it stays, whatever ends it; what the suite relies on holds."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kafka import TopicPartition

from local_stack.kafka_broker.handshake import kafka_answers
from tests.services.kafka import KafkaBroker
from tests.services.kafka_topics import KafkaTopics, Record
from tests.services.loopback import free_port, wait_until

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.xdist_group("kafka")  # one broker at a time is enough for the machine


def values(broker: KafkaTopics, topic: str) -> list[bytes | None]:
    return [record.value for record in broker.read_all(topic)]


def test_what_is_sent_is_read_in_order_with_key_headers_and_time(broker: KafkaBroker) -> None:
    topic = broker.create_topic(partitions=2)
    sent = broker.send(
        topic, [(b"a", b"1"), (None, b"2"), (b"a", None)], partition=1, timestamp_ms=1234, headers=[("h", b"x")]
    )
    read = broker.read_all(topic)
    assert [(record.key, record.value) for record in read] == [(b"a", b"1"), (None, b"2"), (b"a", None)]
    assert [record.offset for record in read] == [place.offset for place in sent] == [0, 1, 2]
    assert {(record.partition, record.timestamp, tuple(record.headers)) for record in read} == {
        (1, 1234, (("h", b"x"),))
    }


def test_a_broker_that_was_killed_comes_back_with_every_record(broker: KafkaBroker) -> None:
    topic = broker.create_topic()
    first: list[Record] = [(None, str(number).encode()) for number in range(500)]
    broker.send(topic, first)
    broker.kill9()
    assert not answers(broker)
    broker.start()
    broker.send(topic, [(None, b"later")])
    assert values(broker, topic) == [value for _, value in first] + [b"later"]


def test_a_broker_that_was_stopped_comes_back_with_every_record(broker: KafkaBroker) -> None:
    topic = broker.create_topic()
    broker.send(topic, [(None, b"before")])
    broker.restart()
    assert values(broker, topic) == [b"before"]
    assert "shut down completed" in broker.log_text()


def test_a_topic_made_again_is_empty_and_has_another_id(broker: KafkaBroker) -> None:
    topic = broker.create_topic(partitions=2)
    broker.send(topic, [(None, b"old")])
    before = broker.topic_id(topic)
    broker.recreate_topic(topic, partitions=1, cleanup_policy="compact")
    assert broker.topic_id(topic) != before
    assert values(broker, topic) == []


def test_a_topic_grows_and_loses_its_oldest_records(broker: KafkaBroker) -> None:
    topic = broker.create_topic()
    broker.send(topic, [(None, b"0"), (None, b"1"), (None, b"2")])
    broker.delete_records(topic, before={0: 2})
    broker.add_partitions(topic, total=3)
    broker.send(topic, [(None, b"new")], partition=2)
    assert sorted(value or b"" for value in values(broker, topic)) == [b"2", b"new"]


def test_a_topic_compacts_to_the_newest_record_of_each_key(broker: KafkaBroker) -> None:
    topic = broker.create_topic(
        cleanup_policy="compact", min_cleanable_dirty_ratio="0.001", segment_ms="100", delete_retention_ms="0"
    )
    broker.send(topic, [(b"k", b"old"), (b"k", b"new")])
    wait_until(lambda: compacted(broker, topic), what="the log cleaner")


def compacted(broker: KafkaBroker, topic: str) -> bool:
    broker.send(topic, [(b"other", b"rolls the segment")])
    return [record.value for record in broker.read_all(topic) if record.key == b"k"] == [b"new"]


def test_settings_of_a_topic_change(broker: KafkaBroker) -> None:
    topic = broker.create_topic()
    broker.configure_topic(topic, cleanup_policy="compact")
    with pytest.raises(ValueError, match="nonsense"):
        broker.configure_topic(topic, nonsense="1")


def test_topics_do_not_come_into_being_by_a_name_mistyped(broker: KafkaBroker) -> None:
    with broker.admin() as admin:
        admin.describe_topics(["mistyped"])
        assert "mistyped" not in admin.list_topics()


def test_group_offsets_can_be_kept_without_joining(broker: KafkaBroker) -> None:
    from kafka import KafkaConsumer
    from kafka.structs import OffsetAndMetadata

    topic = broker.create_topic()
    place = TopicPartition(topic, 0)
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, group_id=f"lag-{topic}", enable_auto_commit=False)
    try:
        consumer.assign([place])
        consumer.commit({place: OffsetAndMetadata(3, "", -1)})
        assert consumer.committed(place) == 3
    finally:
        consumer.close()
    said = [line for line in broker.log_text().splitlines() if f"lag-{topic}" in line]
    assert not any("joins" in line or "rebalance" in line for line in said), said


def test_nobody_answers_on_a_free_port() -> None:
    with pytest.raises(OSError, match="refused"):
        kafka_answers(free_port(), timeout_s=1)


def test_a_broker_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = """
import sys, time
from tests.services.kafka import KafkaBroker
with KafkaBroker() as broker:
    print(broker.nodes[0].port, flush=True)
    time.sleep(600)
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as starter:
        assert starter.stdout is not None
        port = int(starter.stdout.readline())
        assert kafka_answers(port, timeout_s=5)
        os.kill(starter.pid, signal.SIGKILL)
    wait_until(lambda: not port_answers(port), what="the broker to end")


def answers(broker: KafkaBroker) -> bool:
    return port_answers(broker.nodes[0].port)


def port_answers(port: int) -> bool:
    try:
        return kafka_answers(port, timeout_s=2)
    except OSError:
        return False
