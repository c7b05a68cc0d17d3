"""Dead letters keep their bytes and their place: replayed, they never overtake what is newer."""

import json

from kafka.consumer.fetcher import ConsumerRecord

from rag_core.messages.dead_letters import MAX_REPLAYS
from resources.clients.catalog.values import DeadLetterFilter, PartitionLimits
from sensors.dead_letter_replay import ReplayEnd
from sensors.streams import open_replay
from tests.consuming.conftest import note
from tests.pipeline.corpus import paragraphs
from tests.streams.conftest import Announcing

OTHER_JSON = {"page": "Berlin", "comment": paragraphs("river")}
MAPPING = {"mapping": {"id": "{page}", "text": ["{comment}"]}}


def test_broken_messages_land_on_the_dead_letter_topic_with_bytes_headers_and_place(announcing: Announcing) -> None:
    announcing.kafka.send(announcing.topic, [(b"k", b"\xff no json")], partition=1, headers=[("trace", b"7")])
    announcing.tick()
    announcing.send_outbox()
    [record] = announcing.kafka.read_all(f"{announcing.topic}.dlq")
    headers = dict(record.headers)
    assert (record.key, record.value, headers["trace"]) == (b"k", b"\xff no json", b"7")
    assert headers["rag-topic"] == announcing.topic.encode()
    assert (headers["rag-partition"], headers["rag-offset"]) == (b"1", b"0")
    assert headers["rag-reason-kind"] == b"not-json"
    [row] = announcing.letters()
    found = announcing.catalog.dead_letters.find(row.id)
    assert found is not None
    assert (found.letter.key, found.letter.value, found.letter.headers) == (b"k", b"\xff no json", (("trace", b"7"),))


def test_a_replay_after_a_corrected_mapping_brings_the_document_in(announcing: Announcing) -> None:
    announcing.send((None, OTHER_JSON), partition=0)
    assert announcing.tick().dead == 1
    [row] = announcing.letters()
    assert announcing.replay(row.id).end is ReplayEnd.STILL_DEAD
    [row] = announcing.letters()
    assert (row.replays, row.settled_at) == (1, None)
    announcing.stream_settings = MAPPING
    assert announcing.replay(row.id).end is ReplayEnd.RECORDED
    assert announcing.letters() == []
    announcing.run()
    assert announcing.streamed_texts() == {"Berlin": [paragraphs("river")]}
    [settled] = announcing.letters(with_settled=True)
    assert settled.replays == 2
    held = announcing.catalog.messages.held(announcing.name, "events", announcing.key("Berlin"))
    assert held is not None
    assert (held.place.partition, held.place.offset) == (0, 0)


def test_an_older_message_that_is_replayed_is_superseded_and_settled(announcing: Announcing) -> None:
    announcing.send(("Berlin", OTHER_JSON), ("Berlin", note("newer")), partition=0)
    announcing.tick()
    announcing.run()
    before = announcing.points()
    [row] = announcing.letters()
    announcing.stream_settings = MAPPING
    assert announcing.replay(row.id).end is ReplayEnd.SUPERSEDED
    assert announcing.letters() == []
    announcing.run()
    assert announcing.points() == before


def test_what_was_too_large_to_keep_is_fetched_from_its_topic(announcing: Announcing) -> None:
    large = json.dumps({"page": "Large", "comment": "word " * 300_000}).encode()
    with announcing.kafka.producer(max_request_size=4 * 1024 * 1024) as producer:
        producer.send(announcing.topic, key=None, value=large, partition=0)
    announcing.tick()
    [row] = announcing.letters()
    assert (row.value_bytes, row.is_kept) == (len(large), False)
    announcing.send_outbox()
    [sent] = announcing.kafka.read_all(f"{announcing.topic}.dlq")
    assert not sent.value
    assert dict(sent.headers)["rag-value"].startswith(f"{announcing.topic}/0/0".encode())
    announcing.stream_settings = MAPPING
    assert announcing.replay(row.id).end is ReplayEnd.RECORDED
    assert announcing.letters() == []


def test_what_was_too_large_and_is_gone_says_so_and_stays(announcing: Announcing) -> None:
    large = json.dumps({"page": "Large", "comment": "word " * 300_000}).encode()
    with announcing.kafka.producer(max_request_size=4 * 1024 * 1024) as producer:
        producer.send(announcing.topic, key=None, value=large, partition=0)
        producer.send(announcing.topic, key=b"after", value=json.dumps(note("cats")).encode(), partition=0)
    announcing.tick()
    announcing.kafka.delete_records(announcing.topic, before={0: 1})
    [row] = announcing.letters()
    announcing.stream_settings = MAPPING
    done = announcing.replay(row.id)
    assert (done.end, "offset 0" in done.reason) == (ReplayEnd.GONE, True)
    [row] = announcing.letters()
    assert row.replays == 1


def test_a_message_that_was_put_back_keeps_its_origin_and_does_not_go_round_for_ever(announcing: Announcing) -> None:
    announcing.kafka.send(announcing.topic, [(b"k", b"no json")], partition=1)
    sent: list[ConsumerRecord] = []
    for _ in range(MAX_REPLAYS + 2):
        announcing.tick()
        announcing.send_outbox()
        sent = announcing.kafka.read_all(f"{announcing.topic}.dlq")
        last = sent[-1]
        announcing.kafka.send(announcing.topic, [(last.key, last.value)], partition=0, headers=list(last.headers))
    assert len(sent) == 1 + MAX_REPLAYS
    counts = [dict(record.headers).get("rag-replays", b"0") for record in sent]
    assert counts == [str(number).encode() for number in range(MAX_REPLAYS + 1)]
    assert {dict(record.headers)["rag-partition"] for record in sent} == {b"1"}
    assert {dict(record.headers)["rag-offset"] for record in sent} == {b"0"}
    assert len(announcing.letters()) == MAX_REPLAYS + 2


def test_a_message_put_back_without_its_value_deletes_nothing(announcing: Announcing) -> None:
    announcing.send(("k", note("cats")), partition=0)
    where = [("rag-value", b"elsewhere/0/7 (2000000 bytes)")]
    announcing.kafka.send(announcing.topic, [(b"k", None)], partition=0, headers=where)
    tick = announcing.tick()
    assert (tick.recorded, tick.dead) == (1, 1)
    announcing.run()
    assert announcing.streamed_texts() == {"k": [paragraphs("cats")]}


def test_a_range_that_is_replayed_settles_its_dead_letters(announcing: Announcing) -> None:
    announcing.send((None, OTHER_JSON), (None, b"no json"), partition=0)
    assert announcing.tick().dead == 2
    announcing.stream_settings = MAPPING
    replay, reader = open_replay(announcing.loaded(), announcing.stream, announcing.catalog)
    with reader:
        done = replay.replay((announcing.topic, 0), first=None, end=None)
    assert (done.recorded, done.dead) == (1, 1)
    assert [(row.place.offset, row.replays) for row in announcing.letters()] == [(1, 1)]


def test_what_was_discarded_stays_so_when_it_is_met_again(announcing: Announcing) -> None:
    announcing.send(("a", b"no json"), ("b", note("cats")), partition=0)
    announcing.tick()
    [row] = announcing.letters()
    assert announcing.catalog.dead_letters.discard([row.id, row.id + 1000]) == 1
    found = announcing.catalog.dead_letters.find(row.id)
    assert found is not None
    announcing.catalog.messages.record(
        announcing.name, "events", [], limits=PartitionLimits(size=8, bytes=1000), position=None, dead=[found.letter]
    )
    assert announcing.letters() == []
    assert len(announcing.letters(with_settled=True)) == 1


def test_what_was_discarded_stays_so_after_a_replay_unless_something_else_is_wrong(announcing: Announcing) -> None:
    announcing.send((None, OTHER_JSON), (None, b"no json"), partition=0)
    announcing.tick()
    kinds = [row.kind for row in announcing.letters()]
    room = announcing.catalog.dead_letters
    assert room.discard([row.id for row in announcing.letters()]) == 2
    for _ in range(2):
        assert announcing.replay_range().dead == 2
        assert announcing.letters() == []
    assert [(row.kind, row.replays) for row in announcing.letters(with_settled=True)] == [(kinds[0], 2), (kinds[1], 2)]
    announcing.stream_settings = {"mapping": {"id": "{missing}", "text": ["{comment}"]}}
    announcing.replay_range()
    [row] = announcing.letters()
    assert row.place.offset == 0
    assert row.kind != kinds[0]


def test_what_a_replay_settled_is_open_again_when_it_is_broken_again(announcing: Announcing) -> None:
    announcing.send((None, OTHER_JSON), partition=0)
    announcing.tick()
    [before] = announcing.letters()
    announcing.stream_settings = MAPPING
    assert announcing.replay_range().recorded == 1
    assert announcing.letters() == []
    announcing.stream_settings = {}
    assert announcing.replay_range().dead == 1
    [row] = announcing.letters()
    assert (row.id, row.kind, row.replays) == (before.id, before.kind, 2)


def test_pages_go_through_all_that_a_filter_means(announcing: Announcing) -> None:
    announcing.send(*((f"k{number}", b"no json") for number in range(5)), (None, {"text": "without an id"}))
    announcing.tick()
    which = DeadLetterFilter(collection=announcing.name, source="events", topic=announcing.topic, kind="not-json")
    room = announcing.catalog.dead_letters
    first = room.page(which, limit=3)
    second = room.page(which, before=first.next_before, limit=3)
    assert room.count(which) == 5
    assert len({row.id for page in (first, second) for row in page.letters}) == 5
    assert second.next_before is None
    assert sum(room.open_by_partition(announcing.name).values()) == 6
    assert room.discard_all(which) == 5
    assert [row.kind for row in announcing.letters()] == ["no-id"]
