"""Messages become documents: newest wins in Kafka's order, gone means deleted, what fits no form stops nothing."""

import json
from pathlib import Path

from rag_core.arrivals import ArrivalState
from rag_core.streaming import StreamState
from resources.clients.kafka.reading import KafkaReader
from sensors.replaying import StreamReplay
from sensors.stream_tick import StreamEnd
from tests.consuming.conftest import STREAM, Streamed, note
from tests.pipeline.corpus import paragraphs


def test_messages_become_documents_with_their_place_as_version(streamed: Streamed) -> None:
    streamed.send(("cats", note("cats", title="On cats", metadata={"team": "animals"})), ("dogs", note("dogs")))
    tick = streamed.tick()
    assert (tick.read, tick.recorded, tick.dead, tick.lag, tick.end) == (2, 2, 0, 0, StreamEnd.CAUGHT_UP)
    streamed.run()
    assert streamed.streamed_texts() == {"cats": [paragraphs("cats")], "dogs": [paragraphs("dogs")]}
    payload = next(p for p, _, _ in streamed.points().values() if p["uri"] == streamed.uri("cats"))
    assert payload["title"] == "On cats"
    assert payload["metadata"] == {"team": "animals"}
    shown = streamed.catalog.queries.documents(streamed.name, limit=10).documents
    assert {row.uri for row in shown} == {streamed.uri("cats"), streamed.uri("dogs")}


def test_the_newest_message_of_a_key_wins_and_a_tombstone_deletes(streamed: Streamed) -> None:
    streamed.send(("a", note("old")), ("a", note("newer")), ("a", note("newest")), ("b", note("b")))
    streamed.tick()
    streamed.run()
    assert streamed.streamed_texts() == {"a": [paragraphs("newest")], "b": [paragraphs("b")]}
    streamed.send(("a", None), ("b", {"id": "b", "op": "delete"}), ("never", None))
    tick = streamed.tick()
    assert (tick.read, tick.recorded) == (3, 2)
    streamed.run()
    assert streamed.streamed_texts() == {}
    streamed.send(("a", note("back")))
    streamed.tick()
    streamed.run()
    assert streamed.streamed_texts() == {"a": [paragraphs("back")]}


def test_reading_again_records_nothing_and_a_crash_before_the_commit_loses_nothing(streamed: Streamed) -> None:
    streamed.send(*((f"k{number}", note(f"word{number}")) for number in range(20)))
    consumer = streamed.consumer()
    original = streamed.catalog.messages.record

    class PowerCutError(Exception):
        pass

    def cut(*args: object, **options: object) -> object:
        raise PowerCutError

    streamed.catalog.messages.record = cut  # type: ignore[method-assign, assignment]
    try:
        consumer.tick()
    except PowerCutError:
        pass
    finally:
        streamed.catalog.messages.record = original  # type: ignore[method-assign]
    assert streamed.state() == StreamState()
    assert streamed.tick().recorded == 20
    assert streamed.tick().read == 0


def test_two_recorders_at_once_record_everything_once(streamed: Streamed) -> None:
    from concurrent.futures import ThreadPoolExecutor

    streamed.send(*((f"k{number}", note(f"word{number}")) for number in range(200)))
    consumers = [streamed.consumer() for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        ticks = list(threads.map(lambda each: each.tick(), consumers))
    streamed.tick()
    assert sum(tick.recorded for tick in ticks) <= 200
    assert streamed.states() == {ArrivalState.PENDING: 200}


def test_what_fits_no_form_is_a_dead_letter_and_the_rest_goes_on(streamed: Streamed) -> None:
    streamed.send(("a", b"\xff\x00 no json"), ("b", note("b")), (None, {"text": "without an id"}), ("c", {"id": "d"}))
    tick = streamed.tick()
    assert (tick.read, tick.recorded, tick.dead) == (4, 1, 3)
    assert streamed.catalog.outbox.waiting(streamed.name) == 3
    counted = [part for topic in streamed.state().topics.values() for part in topic.partitions.values()]
    assert (sum(part.records for part in counted), sum(part.dead for part in counted)) == (4, 3)


def test_an_older_message_never_comes_back_by_a_replay(streamed: Streamed) -> None:
    streamed.send(("a", note("first")), ("a", note("second")), partition=0)
    streamed.tick()
    streamed.run()
    before = streamed.points()
    collection = streamed.collection
    assert collection.kafka is not None
    with KafkaReader(collection.kafka, group=None, max_message_bytes=1024 * 1024) as reader:
        replay = StreamReplay(
            collection=collection, stream=STREAM, reader=reader, batches=streamed.batches(), catalog=streamed.catalog
        )
        done = replay.replay((streamed.topic, 0), first=0, end=1)
        assert (done.read, done.recorded, done.superseded) == (1, 0, 1)
        done = replay.replay((streamed.topic, 0), first=None, end=None)
        assert (done.read, done.recorded, done.superseded) == (2, 1, 1)
    [report] = streamed.run()
    assert report.counts.unchanged == 1
    assert streamed.points() == before


def test_a_replay_after_a_changed_mapping_makes_documents_anew(streamed: Streamed) -> None:
    streamed.stream_settings = {"mapping": {"id": "{page}", "text": ["{comment}"]}}
    streamed.send((None, {"page": "Berlin", "comment": paragraphs("river"), "user": paragraphs("writer")}), partition=0)
    streamed.tick()
    streamed.run()
    assert streamed.streamed_texts() == {"Berlin": [paragraphs("river")]}
    streamed.stream_settings = {"mapping": {"id": "{page}", "text": ["{comment}", "{user}"]}}
    collection = streamed.collection
    assert collection.kafka is not None
    with KafkaReader(collection.kafka, group=None, max_message_bytes=1024 * 1024) as reader:
        replay = StreamReplay(
            collection=collection, stream=STREAM, reader=reader, batches=streamed.batches(), catalog=streamed.catalog
        )
        assert replay.replay((streamed.topic, 0), first=None, end=None).recorded == 1
    streamed.run()
    assert streamed.streamed_texts() == {"Berlin": [paragraphs("river"), paragraphs("writer")]}


def test_an_object_notification_is_a_hint_to_look_at_the_source(streamed: Streamed) -> None:
    streamed.write("papers/one.txt", paragraphs("one"))
    uri = streamed.store.uri("papers/one.txt")
    streamed.send((None, {"uri": uri}), (None, {"uri": streamed.store.uri("papers/never.txt")}))
    tick = streamed.tick()
    assert (tick.hinted, tick.dead) == (1, 0)
    assert streamed.sweep() == 0  # the sweep sees what the hint recorded
    streamed.run()
    assert streamed.texts("papers/one.txt") == [paragraphs("one")]
    (streamed.folder / "papers/one.txt").unlink()
    streamed.send((None, {"uri": uri, "op": "delete"}))
    assert streamed.tick().hinted == 1
    streamed.run()
    assert streamed.texts("papers/one.txt") == []


def test_a_reference_outside_of_every_source_is_a_dead_letter(streamed: Streamed, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("not yours")
    streamed.send((None, {"uri": secret.as_uri()}), (None, {"uri": "s3://elsewhere/key.txt"}))
    tick = streamed.tick()
    assert (tick.hinted, tick.dead) == (0, 2)


def test_rights_in_a_message_narrow_who_finds_it(streamed: Streamed) -> None:
    streamed.send(("a", note("a", metadata={"allowed_groups": ["board"]})), ("b", note("b")))
    streamed.tick()
    streamed.run()
    groups = {p["uri"].rpartition("/")[2]: p["allowed_groups"] for p, _, _ in streamed.points().values()}
    assert groups["a"] == ["board"]
    assert groups["b"] != ["board"]


def test_keys_of_any_bytes_are_documents(streamed: Streamed) -> None:
    keys = [b"\xff\xfe", "Gr\u00fc\u00dfe/..//x".encode(), b"100%", b"a b#c?d", b"\x00"]
    streamed.kafka.send(streamed.topic, [(key, json.dumps(note(f"w{n}")).encode()) for n, key in enumerate(keys)])
    assert streamed.tick().recorded == len(keys)
    streamed.run()
    assert streamed.states() == {ArrivalState.INDEXED: len(keys)}
    assert len(streamed.streamed_texts()) == len(keys)


def test_a_header_of_any_name_stops_nothing(streamed: Streamed) -> None:
    streamed.kafka.send(streamed.topic, [(b"a", b"no form")], headers=[("a\0b", b"\0")])
    assert streamed.tick().dead == 1
    assert streamed.catalog.outbox.waiting(streamed.name) == 1


def test_another_media_type_for_the_same_bytes_is_read_anew(streamed: Streamed) -> None:
    streamed.send(("a", {"text": f"<p>{paragraphs('page')}</p>", "media_type": "text/plain"}))
    streamed.tick()
    streamed.run()
    assert "<p>" in streamed.streamed_texts()["a"][0]
    streamed.send(("a", {"text": f"<p>{paragraphs('page')}</p>", "media_type": "text/html"}))
    streamed.tick()
    streamed.run()
    assert "<p>" not in streamed.streamed_texts()["a"][0]
