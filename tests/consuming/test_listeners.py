"""Listeners as processes: over the death of a partition's leader, and several of everything at once by mistake."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from kafka.errors import KafkaError
from qdrant_client import QdrantClient

from rag_core.streaming import StreamState
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import DeadLetterFilter
from resources.clients.parsing import ParserSandbox
from tests.consuming.conftest import STREAM, Streamed
from tests.services.kafka import KafkaCluster
from tests.services.loopback import wait_until

ROOT = Path(__file__).parents[2]
LIMIT_S = 240.0
SENSOR = """
import sys, time
from pathlib import Path
from resources.clients.catalog import open_catalog
from resources.clients.collection_files import load_collection
from sensors.streams import shared_stream

url, folder, name = sys.argv[1:]
loaded = load_collection(Path(folder), name)
catalog = open_catalog(url)
while True:
    with shared_stream(loaded, loaded.collection.streams[0], catalog) as opened:
        opened.consumer.tick()
        opened.sender.send_waiting(max_s=2)
    time.sleep(0.05)
"""


@contextmanager
def process(command: Sequence[str], streamed: Streamed, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of the platform's on the stream's catalog and collection file; it must not end by itself."""
    streamed.loaded()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAG_")},
        "RAG_HOME": str(streamed.root / "home"),
        "RAG_COLLECTIONS": str(streamed.root / "collections"),
        "RAG_DATABASE_URL": url,
    }
    with (streamed.root / "said.log").open("ab") as log:
        started = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield started
        assert started.poll() is None, (streamed.root / "said.log").read_text()[-3000:]
    finally:
        started.send_signal(signal.SIGTERM if command[0] == "-m" else signal.SIGKILL)
        started.wait(60)


def listener(streamed: Streamed, url: str) -> Any:
    return process(["-m", "sensors.listener"], streamed, url)


def sensor(streamed: Streamed, url: str) -> Any:
    return process(["-c", SENSOR, url, str(streamed.root / "collections"), streamed.name], streamed, url)


def offsets(state: StreamState) -> dict[tuple[str, int], int]:
    return {
        (name, number): part.next_offset
        for name, topic in state.topics.items()
        for number, part in topic.partitions.items()
    }


def arrivals(streamed: Streamed) -> list[tuple[str, str]]:
    """Return key and announced version of every arrival of the stream, in the order in which they were recorded."""
    with streamed.catalog._database.transaction() as connection:
        rows = connection.exec_driver_sql(
            "SELECT key, announced FROM arrivals WHERE collection = %(name)s AND source = %(stream)s ORDER BY number",
            {"name": streamed.name, "stream": STREAM},
        ).all()
    return [(row.key, row.announced) for row in rows]


def is_read_to_the_end(streamed: Streamed, records: Callable[[], int]) -> bool:
    return sum(offsets(streamed.state()).values()) >= records()


@pytest.fixture(scope="module")
def cluster() -> Iterator[KafkaCluster]:
    with KafkaCluster(3) as started:
        yield started


@pytest.mark.xdist_group("kafka")
def test_a_listener_loses_and_repeats_nothing_while_a_leader_dies_and_comes_back(
    catalog: Catalog,
    client: QdrantClient,
    parser: ParserSandbox,
    tmp_path: Path,
    cluster: KafkaCluster,
    database_url: str,
) -> None:
    topic = cluster.create_topic(partitions=3, min_insync_replicas="2")
    streamed = Streamed(root=tmp_path, catalog=catalog, client=client, parser=parser, kafka=cluster, topic=topic)
    acknowledged: set[str] = set()
    go_on = threading.Event()
    go_on.set()

    def produce() -> None:
        with cluster.producer(acks="all") as producer:
            number = 0
            while go_on.is_set():
                keys = [f"k{number + each}" for each in range(20)]
                number += len(keys)
                sent = [(key, producer.send(topic, key=key.encode(), value=b'{"text": "word"}')) for key in keys]
                for key, future in sent:
                    try:
                        future.get(60)
                    except KafkaError:
                        continue
                    acknowledged.add(key)

    with listener(streamed, database_url):
        producing = threading.Thread(target=produce)
        producing.start()
        try:
            wait_until(lambda: len(arrivals(streamed)) >= 100, what="the first messages", limit_s=LIMIT_S)
            leader = _leader(cluster, topic)
            cluster.kill9(leader)
            killed_at = len(acknowledged)
            wait_until(lambda: len(acknowledged) >= killed_at + 200, what="writing without it", limit_s=LIMIT_S)
            wait_until(lambda: len(arrivals(streamed)) >= killed_at + 100, what="reading without it", limit_s=LIMIT_S)
            cluster.start(leader)
            back_at = len(acknowledged)
            wait_until(lambda: len(acknowledged) >= back_at + 200, what="writing with it", limit_s=LIMIT_S)
        finally:
            go_on.clear()
            producing.join(120)
        in_topic = cluster.read_all(topic)
        wait_until(
            lambda: is_read_to_the_end(streamed, lambda: len(in_topic)), what="the end of the topic", limit_s=LIMIT_S
        )
    recorded = arrivals(streamed)
    expected = {
        (f"{topic}/{(record.key or b'').decode()}", f"1/{record.partition}/{record.offset}") for record in in_topic
    }
    assert len(recorded) == len(set(recorded))
    assert set(recorded) == expected
    assert {f"{topic}/{key}" for key in acknowledged} <= {key for key, _ in recorded}
    assert streamed.catalog.sources.stopped(streamed.name) == []
    assert sum(part.records for part in streamed.state().topics[topic].partitions.values()) == len(in_topic)


def _leader(cluster: KafkaCluster, topic: str) -> int:
    """Return which broker leads the topic's first partition now, as its cluster counts them."""
    with cluster.admin() as opened:
        admin: Any = opened
        [described] = admin.describe_topics([topic])
    first = next(part for part in described["partitions"] if part["partition_index"] == 0)
    return next(number for number, node in enumerate(cluster.nodes) if node.node_id == first["leader_id"])


def test_two_listeners_and_two_daemons_by_mistake_record_everything_once(streamed: Streamed, database_url: str) -> None:
    streamed.kafka.create_topic(f"{streamed.topic}.dlq")
    sent, broken, bursts = 0, 0, 12
    seen: list[tuple[int, dict[tuple[str, int], int]]] = []
    go_on = threading.Event()
    go_on.set()

    def watch() -> None:
        with Catalog(database_url) as own:
            while go_on.is_set():
                position = own.recording.position(streamed.name, STREAM)
                seen.append((position.version, offsets(StreamState.from_json(position.value))))

    with ExitStack() as running:
        for _ in range(2):
            running.enter_context(listener(streamed, database_url))
            running.enter_context(sensor(streamed, database_url))
        watching = threading.Thread(target=watch)
        watching.start()
        try:
            for burst in range(bursts):
                keys = [f"k{burst % 3}-{each}" for each in range(30)]
                streamed.send(*((key, {"text": f"word{burst}"}) for key in keys), (f"bad{burst}", b"no form"))
                sent, broken = sent + len(keys) + 1, broken + 1
                wait_until(
                    lambda least=sent: is_read_to_the_end(streamed, lambda: least), what="a burst", limit_s=LIMIT_S
                )
        finally:
            go_on.clear()
            watching.join()
        wait_until(
            lambda: not streamed.catalog.outbox.waiting(streamed.name), what="the outbox to be sent", limit_s=LIMIT_S
        )
    recorded = arrivals(streamed)
    assert len(recorded) == len(set(recorded)) == sent - broken
    for key in {key for key, _ in recorded}:
        of_key = [int(announced.rpartition("/")[2]) for each, announced in recorded if each == key]
        assert of_key == sorted(of_key)
    for (before, at), (after, then) in pairwise(seen):
        assert after >= before
        assert all(then[place] >= offset for place, offset in at.items())
    letters = streamed.catalog.dead_letters.page(DeadLetterFilter(collection=streamed.name), limit=1000).letters
    assert len(letters) == broken
    announced = streamed.kafka.read_all(f"{streamed.topic}.dlq")
    assert len({dict(record.headers)["rag-outbox-id"] for record in announced}) == broken
    state = streamed.state()
    assert sum(part.records for part in state.topics[streamed.topic].partitions.values()) == sent
    assert streamed.catalog.sources.stopped(streamed.name) == []
