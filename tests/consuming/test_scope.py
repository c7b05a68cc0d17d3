"""A topic taken out of a stream, another name for its cluster: red, and a person says what becomes of documents."""

import pytest

from rag_core.errors import InvalidRequest
from resources.clients.catalog.values import PartitionLimits, Stop, StopKind
from sensors.stream_tick import StreamEnd
from tests.consuming.conftest import STREAM, Streamed, note
from tests.pipeline.corpus import paragraphs

LIMITS = PartitionLimits(size=8, bytes=2**28)


def _stop(streamed: Streamed) -> Stop:
    [stop] = streamed.catalog.sources.stopped(streamed.name)
    return stop


def _ids(streamed: Streamed) -> dict[str, str]:
    """Return the stream's documents in the index: URI below the cluster, and text."""
    return {p["uri"].partition("//")[2]: p["text"] for p, _, _ in streamed.points().values()}


def _with_second_topic(streamed: Streamed) -> str:
    second = streamed.kafka.create_topic(partitions=1)
    streamed.stream_settings = {"topics": [streamed.topic, second]}
    streamed.send(("a", note("a")))
    streamed.kafka.send(second, [(b"b", b'{"text": "bees and nothing but bees"}')])
    streamed.tick()
    streamed.run()
    return second


def test_a_topic_that_was_taken_out_stops_red_while_the_others_go_on(streamed: Streamed) -> None:
    second = _with_second_topic(streamed)
    streamed.stream_settings = {}
    streamed.send(("more", note("more")))
    tick = streamed.tick()
    assert [stop.kind for stop in tick.stops] == [StopKind.TOPIC_REMOVED]
    assert second in tick.stops[0].reason
    assert "1 documents" in tick.stops[0].reason
    assert tick.recorded == 1
    streamed.run()
    assert f"main/{second}/b" in _ids(streamed)  # nothing is deleted before a person says so


def test_a_topic_that_is_put_back_goes_on_where_it_was(streamed: Streamed) -> None:
    second = _with_second_topic(streamed)
    settings, streamed.stream_settings = {"topics": [streamed.topic, second]}, {}
    streamed.tick()
    streamed.stream_settings = settings
    streamed.kafka.send(second, [(b"c", b'{"text": "cranes and nothing but cranes"}')])
    tick = streamed.tick()
    assert (tick.stops, tick.read, tick.recorded) == ((), 1, 1)


def test_a_topic_whose_removal_is_confirmed_leaves_and_is_read_anew_when_it_is_put_back(streamed: Streamed) -> None:
    second = _with_second_topic(streamed)
    settings, streamed.stream_settings = {"topics": [streamed.topic, second]}, {}
    streamed.tick()
    assert streamed.catalog.sources.confirm(_stop(streamed).id, by="a person", limits=LIMITS).new == 1
    assert streamed.tick().stops == ()
    streamed.run()
    assert set(_ids(streamed)) == {f"main/{streamed.topic}/a"}
    assert set(streamed.state().topics) == {streamed.topic}
    streamed.stream_settings = settings
    tick = streamed.tick()
    assert (tick.stops, tick.read, tick.recorded) == ((), 1, 1)
    streamed.run()
    assert set(_ids(streamed)) == {f"main/{streamed.topic}/a", f"main/{second}/b"}


def test_a_topic_without_documents_is_forgotten_without_a_question(streamed: Streamed) -> None:
    second = streamed.kafka.create_topic(partitions=1)
    streamed.stream_settings = {"topics": [streamed.topic, second]}
    streamed.kafka.send(second, [(b"b", None)])
    streamed.tick()
    streamed.stream_settings = {}
    assert streamed.tick().stops == ()
    assert streamed.tick().stops == ()
    assert set(streamed.state().topics) == {streamed.topic}


def test_another_name_for_the_cluster_stops_red_and_reads_nothing(streamed: Streamed) -> None:
    streamed.send(("a", note("a")), ("b", note("b")))
    streamed.tick()
    streamed.run()
    streamed.cluster = "east"
    streamed.send(("a", note("newer")))
    tick = streamed.tick()
    assert (tick.end, tick.read) == (StreamEnd.WAITING, 0)
    assert [stop.kind for stop in tick.stops] == [StopKind.CLUSTER_CHANGED]
    with pytest.raises(InvalidRequest, match="confirm"):
        streamed.replay_range()
    streamed.cluster = "main"  # put back: it goes on where it was
    tick = streamed.tick()
    assert (tick.stops, tick.read, tick.recorded) == ((), 1, 1)


def test_a_confirmed_name_of_the_cluster_makes_other_documents_of_all_that_the_topics_hold(streamed: Streamed) -> None:
    streamed.send(("a", note("old")), ("a", note("new")), ("gone", note("gone")), ("gone", None), partition=0)
    streamed.tick()
    streamed.run()
    streamed.cluster = "east"
    streamed.tick()
    assert streamed.catalog.sources.confirm(_stop(streamed).id, by="a person", limits=LIMITS).new == 1
    tick = streamed.tick()
    assert (tick.stops, tick.read) == ((), 4)
    streamed.run()
    assert _ids(streamed) == {f"east/{streamed.topic}/a": paragraphs("new")}
    assert streamed.catalog.sources.stopped(streamed.name, STREAM) == []


def test_a_position_of_before_clusters_were_kept_in_it_knows_its_cluster_by_its_documents(streamed: Streamed) -> None:
    streamed.send(("a", note("a")))
    streamed.tick()
    with streamed.catalog._database.transaction() as connection:
        connection.exec_driver_sql("UPDATE positions SET value = value - 'cluster' WHERE value ? 'topics'")
    streamed.cluster = "east"
    assert [stop.kind for stop in streamed.tick().stops] == [StopKind.CLUSTER_CHANGED]
