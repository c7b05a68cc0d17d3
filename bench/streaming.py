"""Kafka: how fast messages are recorded, bytes included, against bare consumption; and how soon one is found.

The messages are Wikipedia's edit events where ``--events`` names their file, made ones otherwise. Recorder and bare
consumer take turns over the same topic.
"""

import gzip
import json
import random
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import psycopg

from bench.found import Found
from bench.freshness import percentile, wait_for
from bench.stack import BenchStack
from rag_core.collection import Collection
from rag_core.kafka import Kafka
from resources.clients.catalog import open_catalog
from resources.clients.collection_files import LoadedCollection
from resources.clients.kafka.connecting import connection
from sensors.streams import open_stream

STREAMED = "streamed"
TOPIC, FRESH_TOPIC = "bench-events", "bench-fresh"
PARTITIONS = 6
MAPPING = {
    "id": "{channel}/{page}",
    "title": "{page}",
    "text": ["{page}: {comment}", "Edited by {user} on {channel}."],
    "metadata": {"channel": "{channel}"},
}
_ROUNDS = 3
_DATABASE = "bench_streaming"
_LIMIT_S = 120


def declare_streamed(stack: BenchStack) -> None:
    """Declare the collection that is fed by a topic."""
    stack.declare(STREAMED, kafka={"streams": [{"name": "events", "topics": [FRESH_TOPIC]}]})


def create_topics(stack: BenchStack) -> None:
    """Make the topics: whoever reads one that is not there looks for it again and again, also while others measure."""
    from kafka.admin import KafkaAdminClient, NewTopic

    admin: Any = KafkaAdminClient(bootstrap_servers=stack.setting("kafka").split(","))
    partitions = {TOPIC: PARTITIONS, FRESH_TOPIC: 1}
    admin.create_topics([NewTopic(name, num_partitions=n, replication_factor=1) for name, n in partitions.items()])
    admin.wait_for_topics(list(partitions))
    admin.close()


def measure_streaming(stack: BenchStack, events: Path | None, count: int, times: int, found: Found) -> None:
    """Record a topic again and again against bare reading, then send one message at a time into the idle stack."""
    servers = stack.setting("kafka")
    sent = _produce(servers, _events(events, count))
    _measure_recording(stack, servers, sent, found)
    _measure_freshness(stack, servers, times, found)


def _measure_recording(stack: BenchStack, servers: str, sent: int, found: Found) -> None:
    url = stack.secret("database_url")
    ratios: list[float] = []
    rates: list[tuple[float, float]] = []
    for turn in range(_ROUNDS):
        bare = sent / _bare_s(servers, sent)
        name = f"{_DATABASE}_{turn}"
        with psycopg.connect(url, autocommit=True) as connected:
            connected.execute(f"CREATE DATABASE {name}".encode())
        recorded = sent / _recorded_s(f"{url.rpartition('/')[0]}/{name}", servers, sent, stack.folder)
        with psycopg.connect(url, autocommit=True) as connected:
            connected.execute(f"DROP DATABASE {name}".encode())
        ratios.append(recorded / bare)
        rates.append((recorded, bare))
    found.set("kafka_records_vs_bare", median(ratios))
    found.tell(
        "streaming",
        messages=sent,
        recorded_per_s=median(rate for rate, _ in rates),
        bare_per_s=median(rate for _, rate in rates),
        ratios=" ".join(f"{ratio:.3f}" for ratio in ratios),
    )


def _recorded_s(database_url: str, servers: str, sent: int, folder: Path) -> float:
    """Return the seconds in which a consumer with a new catalog records all of the topic."""
    stream = {
        "name": "events",
        "topics": [TOPIC],
        "mapping": MAPPING,
        "tick": {"max_s": 45, "max_records": 1_000_000, "max_bytes": 1024 * 1024 * 1024},
    }
    kafka = {"bootstrap_servers": servers.split(","), "streams": [stream]}
    declared = Collection.model_validate({"name": "recorded", "kafka": kafka})
    loaded = LoadedCollection(collection=declared, path=folder / "recorded.yaml")
    with (
        open_catalog(database_url) as catalog,
        closing(open_stream(loaded, declared.streams[0], catalog)) as consumer,
    ):
        began = time.perf_counter()
        recorded = 0
        while recorded < sent:
            tick = consumer.tick()
            if tick.dead:
                raise RuntimeError(f"{tick.dead} of the messages fit no form")
            recorded += tick.read
        return time.perf_counter() - began


def _bare_s(servers: str, sent: int) -> float:
    """Return the seconds in which kafka-python alone reads as many messages."""
    from kafka import KafkaConsumer
    from kafka.structs import TopicPartition

    broker = Kafka.model_validate({"bootstrap_servers": servers.split(","), "outcomes": {"topic": "none"}})
    options = {"group_id": None, "enable_auto_commit": False, "isolation_level": "read_committed"}
    places = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
    with closing(KafkaConsumer(**connection(broker), **options, max_poll_records=5000)) as consumer:
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        began = time.perf_counter()
        read = 0
        while read < sent:
            read += sum(len(records) for records in consumer.poll(timeout_ms=1000, max_records=5000).values())
            if time.perf_counter() - began > _LIMIT_S:
                raise TimeoutError(f"{read} of {sent} messages came within {_LIMIT_S} s")
        return time.perf_counter() - began


def _measure_freshness(stack: BenchStack, servers: str, times: int, found: Found) -> None:
    from kafka import KafkaProducer

    rng = random.Random(5)
    answered: list[float] = []
    recorded: list[float] = []
    committed: list[float] = []
    with stack.api() as api, closing(KafkaProducer(bootstrap_servers=servers.split(","), acks="all")) as producer:
        for number in range(times + 1):
            word = f"zz{uuid4().hex[:12]}"
            text = f"Message {number}\n\nThe password of the day is {word}, said the guard at the gate.\n"
            stack.wait_idle(STREAMED)
            produced = time.time()
            body = json.dumps({"id": word, "text": text}).encode()
            producer.send(FRESH_TOPIC, key=word.encode(), value=body).get(_LIMIT_S)
            wait_for(api, STREAMED, word)
            seconds = time.time() - produced
            stack.wait_idle(STREAMED)  # found before the outcome was committed
            uri = f"kafka://main/{FRESH_TOPIC}/{word}"
            document = next(each for each in api.below(STREAMED, uri) if each["uri"] == uri)
            if number:  # the first one made the index
                answered.append(seconds)
                recorded.append(datetime.fromisoformat(document["recorded_at"]).timestamp() - produced)
                committed.append(datetime.fromisoformat(document["indexed"]["at"]).timestamp() - produced)
            time.sleep(rng.uniform(0.2, 2.2))
    found.set("kafka_freshness_s_p50", median(answered))
    found.set("kafka_freshness_s_p95", percentile(sorted(answered), 0.95))
    found.tell(
        "one new message",
        times=times,
        s_until_recorded=median(recorded),
        s_until_committed=median(committed),
        s_found_p50=median(answered),
        s_found_worst=max(answered),
    )


def _produce(servers: str, events: Iterator[dict[str, str]]) -> int:
    from kafka import KafkaProducer

    sent = 0
    with closing(KafkaProducer(bootstrap_servers=servers.split(","), acks="all", linger_ms=20)) as producer:
        for event in events:
            key = f"{event['channel']}/{event['page']}".encode()
            producer.send(TOPIC, key=key, value=json.dumps(event).encode())
            sent += 1
        producer.flush(_LIMIT_S)
    return sent


def _events(file: Path | None, count: int) -> Iterator[dict[str, str]]:
    if file is not None:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            yield from (json.loads(line) for line in islice(lines, count))
        return
    rng = random.Random(6)
    for number in range(count):
        page = f"Page {rng.randrange(count)}"
        yield {
            "channel": "#en.wikipedia",
            "page": page,
            "comment": f"/* Section {number % 7} */ corrected the spelling of a word in {page}",
            "user": f"Editor{rng.randrange(1000)}",
        }
