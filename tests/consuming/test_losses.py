"""Offsets that are gone, topics made again, partitions added: each is seen, said, and never silently skipped."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from resources.clients.catalog.values import PartitionLimits, PositionChange, StopKind
from resources.clients.kafka.reading import now_ms
from tests.consuming.conftest import STREAM, Streamed, note
from tests.pipeline.corpus import paragraphs
from tests.services.kafka_topics import KafkaTopics

LIMITS = PartitionLimits(size=8, bytes=2**28)


def _accept(streamed: Streamed) -> None:
    [stop] = streamed.catalog.sources.stopped(streamed.name, STREAM)
    streamed.catalog.sources.confirm(stop.id, by="a person", limits=LIMITS)


def test_retention_that_overtook_us_stops_that_partition_until_a_person_accepts(streamed: Streamed) -> None:
    streamed.send(("a", note("a0")), partition=0)
    streamed.tick()
    streamed.send(*((f"a{number}", note(f"a{number}")) for number in range(1, 6)), partition=0)
    streamed.kafka.delete_records(streamed.topic, before={0: 4})
    streamed.send(("b", note("b")), partition=1)
    tick = streamed.tick()
    assert [stop.kind for stop in tick.stops] == [StopKind.OFFSETS_GONE]
    assert "offsets 1 to 3" in tick.stops[0].reason.lower()
    assert tick.recorded == 1  # the other partition goes on
    assert streamed.tick().recorded == 0
    _accept(streamed)
    tick = streamed.tick()
    assert (tick.stops, tick.recorded) == ((), 2)


def test_a_topic_made_again_waits_for_a_person_and_is_newer_than_before(streamed: Streamed) -> None:
    streamed.send(("a", note("old")), ("kept", note("kept")))
    streamed.tick()
    streamed.run()
    streamed.kafka.recreate_topic(streamed.topic, partitions=2)
    streamed.send(("a", note("new")))
    tick = streamed.tick()
    assert [stop.kind for stop in tick.stops] == [StopKind.TOPIC_RECREATED]
    assert tick.recorded == 0
    _accept(streamed)
    assert streamed.tick().recorded == 1
    streamed.run()
    assert streamed.streamed_texts() == {"a": [paragraphs("new")], "kept": [paragraphs("kept")]}
    assert streamed.state().topics[streamed.topic].incarnation == 2


def test_added_partitions_are_read_from_their_beginning(streamed: Streamed) -> None:
    streamed.send(("a", note("a")))
    streamed.tick()
    streamed.kafka.add_partitions(streamed.topic, total=4)
    streamed.send(("late", note("late")), partition=3)
    tick = streamed.tick()
    assert tick.recorded == 1
    assert any("/3 is read from its beginning" in said for said in tick.notes)


def test_a_topic_that_is_not_there_yet_is_waited_for(streamed: Streamed, kafka: KafkaTopics) -> None:
    there, streamed.topic = streamed.topic, f"{streamed.topic}-later"
    tick = streamed.tick()
    assert (tick.absent, tick.read) == ((streamed.topic,), 0)
    kafka.create_topic(streamed.topic)
    streamed.send(("a", note("a")))
    assert streamed.tick().recorded == 1
    assert there


def test_a_gap_in_a_compacted_topic_is_read_again_and_unmet_keys_are_deleted(streamed: Streamed) -> None:
    streamed.topic = streamed.kafka.create_topic(partitions=1, cleanup_policy="compact,delete")
    streamed.send(*((name, note(name)) for name in ("keeps", "goes", "changes")))
    streamed.tick()
    streamed.run()
    streamed.send(("goes", None), ("changes", note("changed")), ("keeps", note("keeps")))
    streamed.kafka.delete_records(streamed.topic, before={0: 4})  # the tombstone is compacted away, unread
    tick = streamed.tick()
    assert any("read again" in said for said in tick.notes)
    assert (tick.stops, tick.deleted) == ((), 1)
    streamed.run()
    assert streamed.streamed_texts() == {"keeps": [paragraphs("keeps")], "changes": [paragraphs("changed")]}
    assert streamed.tick().deleted == 0


def test_many_keys_unmet_after_a_gap_stop_red_before_anything_is_deleted(streamed: Streamed) -> None:
    streamed.topic = streamed.kafka.create_topic(partitions=1, cleanup_policy="compact,delete")
    streamed.send(*((f"k{number}", note(f"word{number}")) for number in range(40)))
    streamed.tick()
    streamed.send(("last", note("last")))
    streamed.kafka.delete_records(streamed.topic, before={0: 41})
    streamed.send(("more", note("more")))
    tick = streamed.tick()
    assert [stop.kind for stop in tick.stops] == [StopKind.MASS_DELETION]
    assert tick.deleted == 0


def test_a_compacted_topic_that_was_left_longer_than_its_tombstones_is_read_again(streamed: Streamed) -> None:
    streamed.topic = streamed.kafka.create_topic(partitions=1, cleanup_policy="compact", delete_retention_ms="1000")
    streamed.send(("a", note("a")))
    streamed.tick()
    streamed.clock_ms = lambda: now_ms() + 60_000
    streamed.send(("b", note("b")))
    tick = streamed.tick()
    assert any("longer than its tombstones" in said for said in tick.notes)
    assert (tick.recorded, tick.deleted) == (1, 0)
    streamed.send(("c", note("c")))
    time.sleep(0.01)
    assert streamed.tick().recorded == 1


def test_no_group_is_joined_and_lag_tools_see_our_offsets(streamed: Streamed) -> None:
    streamed.send(*((f"k{number}", note(f"word{number}")) for number in range(10)))
    streamed.tick()
    with streamed.kafka.admin() as opened:
        admin: Any = opened
        committed = admin.list_group_offsets(f"rag-assets.{streamed.name}")
        described = admin.describe_groups([f"rag-assets.{streamed.name}"])
    assert "members" not in str(described) or "'members': []" in str(described)
    assert sum(1 for _ in committed) >= 1


def test_reading_past_a_description_that_is_some_seconds_old_is_no_loss(streamed: Streamed) -> None:
    consumer = streamed.consumer(describe_every_s=600)
    consumer.tick()
    for number in range(3):
        streamed.send((f"k{number}", note(f"word{number}")), partition=0)
        tick = consumer.tick(wait_s=10)
        assert (tick.recorded, tick.stops) == (1, ())


def test_what_a_broker_lost_of_a_partition_waits_for_a_person_also_after_more_has_come(streamed: Streamed) -> None:
    streamed.send(*((f"k{number}", note(f"word{number}")) for number in range(3)), partition=0)
    streamed.tick()
    state = streamed.state()
    version = streamed.catalog.recording.position(streamed.name, STREAM).version
    lost = replace(state.partition((streamed.topic, 0)), next_offset=5)  # as if the broker had had five
    value = state.moved({(streamed.topic, 0): lost}).to_json()
    streamed.catalog.messages.record(
        streamed.name, STREAM, [], limits=LIMITS, position=PositionChange(value=value, expected_version=version)
    )
    assert [stop.kind for stop in streamed.tick().stops] == [StopKind.OFFSETS_GONE]
    streamed.send(*((f"more{number}", note(f"more{number}")) for number in range(4)), partition=0)
    assert streamed.tick().recorded == 0
    _accept(streamed)
    assert streamed.tick().recorded == 7
    assert streamed.state().topics[streamed.topic].incarnation == 2


def test_markers_of_transactions_are_passed(streamed: Streamed) -> None:
    with streamed.kafka.producer(transactional_id=streamed.topic) as opened:
        producer: Any = opened
        producer.init_transactions()
        for is_committed in (True, False):
            producer.begin_transaction()
            producer.send(streamed.topic, key=b"k", value=json.dumps(note(str(is_committed))).encode(), partition=0)
            producer.commit_transaction() if is_committed else producer.abort_transaction()
    tick = streamed.tick()
    assert (tick.read, tick.recorded, tick.lag) == (1, 1, 0)
    assert streamed.tick().read == 0


def test_a_key_whose_newest_message_fits_no_form_survives_a_reading_from_the_beginning(streamed: Streamed) -> None:
    streamed.topic = streamed.kafka.create_topic(partitions=1, cleanup_policy="compact,delete")
    streamed.send(("good", note("good")))
    streamed.tick()
    streamed.run()
    streamed.send(("other", note("other")), ("good", b"no form"))
    streamed.kafka.delete_records(streamed.topic, before={0: 2})
    tick = streamed.tick()
    assert any("read again" in said for said in tick.notes)
    assert (tick.dead, tick.deleted) == (1, 0)
    streamed.run()
    assert streamed.streamed_texts() == {"good": [paragraphs("good")]}


def test_a_stream_that_was_renamed_loses_nothing_when_the_old_name_is_given_up(streamed: Streamed) -> None:
    streamed.send(("a", note("a")))
    streamed.tick()
    streamed.run()
    streamed.stream_settings = {"name": "renamed"}
    streamed.catalog.sources.declared(streamed.name, {"folder": "f", "renamed": "f"})
    messages = streamed.consumer()
    assert messages.tick().recorded == 1
    [stop] = streamed.catalog.sources.stopped(streamed.name)
    assert stop.kind is StopKind.SOURCE_REMOVED
    assert streamed.catalog.sources.confirm(stop.id, by="a person", limits=LIMITS).new == 0


@pytest.mark.parametrize("is_busy", [False, True])
def test_a_compacted_topic_that_idles_is_not_read_again_while_somebody_looks(streamed: Streamed, is_busy: bool) -> None:
    """Its tombstones are kept for a minute; another partition may be written to all the time."""
    streamed.topic = streamed.kafka.create_topic(partitions=2, cleanup_policy="compact", delete_retention_ms="60000")
    streamed.send(("a", note("a")), partition=0)
    began_ms = now_ms()
    passed_ms = 0
    streamed.clock_ms = lambda: began_ms + passed_ms
    consumer = streamed.consumer()
    consumer.tick()
    before = streamed.catalog.recording.position(streamed.name, STREAM).version
    for passed_ms in range(5_000, 180_000, 5_000):
        if is_busy:
            streamed.send((f"k{passed_ms}", b"no form"), partition=1)
        consumer.tick()
    written = streamed.catalog.recording.position(streamed.name, STREAM).version - before
    if not is_busy:
        assert written <= 180_000 / 15_000  # not once a tick
    streamed.send(("b", note("b")), partition=0)
    tick = consumer.tick()
    assert tick.notes == ()
    assert tick.recorded == 1
