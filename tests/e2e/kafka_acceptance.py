"""Edit events through a topic into a collection while processes are killed and the broker is restarted.

``python -m tests.e2e.kafka_acceptance --events FILE`` (``make accept-kafka``) does it with the whole file; a short form
is in the suite. Afterwards the index must hold exactly what the newest event of each key says: computed from the file
with the mapping, the parser and the chunker alone, no Kafka, no catalog, no Dagster.
"""

import argparse
import gzip
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from rag_core.chunking import chunk_document
from rag_core.collection import Chunking
from rag_core.errors import DocumentRejected
from rag_core.messages.decoding import decode
from rag_core.messages.keys import document_key, document_uri
from rag_core.messages.mapping import MessageMapping
from rag_core.messages.message import Form, InlineDocument, Message
from resources.clients.embedders import open_embedder
from resources.clients.parsing import ParserSandbox
from tests.e2e.index_state import points_of
from tests.e2e.stack import ROOT, Stack

TOPIC = "edits"
PARTITIONS = 6
SHIPPED = ROOT / "collections" / "examples" / "wikiticker.yaml"
MAPPING: dict[str, Any] = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))["kafka"]["streams"][0]["mapping"]
STREAM = f"""\
kafka:
  streams:
    - name: events
      topics: [{TOPIC}]
      mapping: {json.dumps(MAPPING)}
"""
VICTIMS = ("local_stack.dagster_daemon", "local_stack.warm_runs", "sensors.listener", "local_stack.warm_runs", "grpc")
BROKER = "kafka.Kafka"
Event = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How hard it is tried: ``kills`` of daemon, runs, listener and code server, ``restarts`` of the broker."""

    events: Sequence[Event]
    seed: int
    kills: int
    restarts: int
    over_s: float
    limit_s: float


def run(trial: Trial, folder: Path) -> dict[str, float]:
    """Do it; fails with the first differences. Returns what was counted."""
    began_s = time.monotonic()
    with Stack(folder, kafka=True, more=STREAM) as stack:
        _make_topic(stack.brokers)
        producing = threading.Thread(target=_produce, args=(stack.brokers, trial.events, trial.over_s), daemon=True)
        producing.start()
        killed = _kill(stack, trial)
        producing.join(trial.limit_s)
        assert not producing.is_alive(), "the events were not sent in time"
        expected = expected_chunks(trial.events)
        keys = {key_of(event) for event in trial.events}
        _wait_until_read(stack, trial.limit_s)
        _wait_until_idle(stack, trial.limit_s)
        found = Counter(
            (payload["uri"], payload["text"])
            for payload, _, _ in points_of(f"http://127.0.0.1:{stack.ports['QDRANT']}", "notes").values()
        )
        joins = _group_joins(stack)
    missing, surplus = expected - found, found - expected
    assert not missing, f"{missing.total()} chunks are missing: {list(missing)[:3]}"
    assert not surplus, f"{surplus.total()} chunks too many: {list(surplus)[:3]}"
    assert joins == 0, f"the broker saw {joins} group joins"
    return {
        "events": len(trial.events),
        "documents": len(keys),
        "points": found.total(),
        "kills": killed,
        "seconds": round(time.monotonic() - began_s, 1),
    }


def key_of(event: Event) -> str:
    """Return an event's key."""
    return f"{event['channel']}/{event['page']}"


def expected_chunks(events: Sequence[Event]) -> Counter[tuple[str, str]]:
    """Return URI and text of every chunk that the newest event of each key makes."""
    newest = {key_of(event): event for event in events}  # in the file's order: the last one stays
    mapping = MessageMapping.model_validate(MAPPING)
    model, chunking = open_embedder("all-MiniLM-L6-v2"), Chunking()
    found: Counter[tuple[str, str]] = Counter()
    with ParserSandbox() as sandbox:
        for key, event in newest.items():
            value = json.dumps(event).encode()
            message = Message(
                topic=TOPIC, partition=0, offset=0, timestamp_ms=0, key=key.encode(), value=value, headers=()
            )
            [document] = decode(message, form=Form.MAPPING, mapping=mapping, max_bytes=1024 * 1024)
            assert isinstance(document, InlineDocument)
            try:
                parsed = sandbox.parse(document.body, name="", media_type_hint=document.media_type)
            except DocumentRejected as rejected:
                sys.stderr.write(f"{key} is quarantined: {rejected.kind}\n")
                continue
            uri = document_uri("main", document_key(TOPIC, document.id))
            found.update(
                (uri, parsed.text[chunk.start : chunk.end]) for chunk in chunk_document(parsed, chunking, model)
            )
    return found


def read_events(file: Path, count: int | None) -> list[Event]:
    """Return the file's first events."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in islice(lines, count)]


def _make_topic(brokers: str) -> None:
    admin: Any = KafkaAdminClient(bootstrap_servers=brokers.split(","))
    admin.create_topics([NewTopic(TOPIC, num_partitions=PARTITIONS, replication_factor=1)])
    admin.wait_for_topics([TOPIC])
    admin.close()


def _produce(brokers: str, events: Sequence[Event], over_s: float) -> None:
    """Send the events in their order over some time; what a broker did not acknowledge is sent again, in order."""
    began_s = time.monotonic()
    at = 0
    while at < len(events):
        producer = KafkaProducer(
            bootstrap_servers=brokers.split(","), acks="all", delivery_timeout_ms=60_000, reconnect_backoff_max_ms=500
        )
        with suppress(KafkaError):
            for batch in _batches(events, at, 500):
                for future in [
                    producer.send(TOPIC, key=key_of(event).encode(), value=json.dumps(event).encode())
                    for event in batch
                ]:
                    future.get(90)
                at += len(batch)
                ahead_s = began_s + over_s * at / len(events) - time.monotonic()
                if ahead_s > 0:
                    time.sleep(ahead_s)
        producer.close(timeout=1)


def _batches(events: Sequence[Event], at: int, size: int) -> Iterator[Sequence[Event]]:
    for start in range(at, len(events), size):
        yield events[start : start + size]


def _kill(stack: Stack, trial: Trial) -> int:
    """Kill processes at random moments while events come; return how many kills hit something."""
    rng = random.Random(trial.seed)
    span_s = trial.over_s * 1.1
    planned = sorted(
        [(rng.uniform(0.02, 1) * span_s, VICTIMS[number % len(VICTIMS)]) for number in range(trial.kills)]
        + [(rng.uniform(0.2, 0.8) * span_s, BROKER) for _ in range(trial.restarts)]
    )
    began_s = time.monotonic()
    hit = 0
    for at_s, victim in planned:
        time.sleep(max(0.0, began_s + at_s - time.monotonic()))
        ends_s = time.monotonic() + 60
        while not stack.kill9(victim) and time.monotonic() < ends_s:
            time.sleep(0.1)  # it is being started anew after the kill before
        else:
            hit += 1
            sys.stderr.write(f"{time.monotonic() - began_s:6.1f} s: killed {victim}\n")
    return hit


def _wait_until_read(stack: Stack, limit_s: float) -> None:
    places = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
    opened: Any = KafkaConsumer(bootstrap_servers=stack.brokers.split(","), group_id=None)
    with closing(opened) as consumer:
        ends = {place.partition: end for place, end in consumer.end_offsets(places, timeout_ms=60_000).items()}

    def read() -> bool:
        position = _position(stack)
        return all(position.get(str(number), {"next_offset": -1})["next_offset"] >= end for number, end in ends.items())

    stack.wait_for(f"all of {sum(ends.values())} messages read", read, limit_s=limit_s)


def _position(stack: Stack) -> dict[str, Any]:
    import psycopg

    settings = json.loads((stack.home / "stack.json").read_text())["settings"]
    with psycopg.connect(settings["database_url"]) as connection:
        row = connection.execute("SELECT value FROM positions WHERE source = 'events'").fetchone()
    return {} if row is None else row[0]["topics"].get(TOPIC, {}).get("partitions", {})


def _wait_until_idle(stack: Stack, limit_s: float) -> None:
    import psycopg

    settings = json.loads((stack.home / "stack.json").read_text())["settings"]

    def idle() -> bool:
        with psycopg.connect(settings["database_url"]) as connection:
            [(open_,)] = connection.execute(
                "SELECT count(*) FROM arrivals WHERE due_at IS NOT NULL OR state = 'processing'"
            ).fetchall()
        runs = stack.graphql("{ runsOrError { ... on Runs { results { status } } } }")["runsOrError"]["results"]
        going = {"QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"}
        return open_ == 0 and not any(run["status"] in going for run in runs)

    stack.wait_for("nothing due and no run going on", idle, limit_s=limit_s)


def _group_joins(stack: Stack) -> int:
    """Count what the broker's log says of members that joined our groups."""
    log = (stack.home / "logs" / "kafka.log").read_text(errors="replace")
    return sum("rag-assets." in line and "joins group" in line.lower() for line in log.splitlines())


def main() -> int:
    """Run the acceptance with the whole file, or its first ``--count`` events."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=Path, required=True, help="gzipped JSON lines with channel and page")
    parser.add_argument("--count", type=int, help="only the first events")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--restarts", type=int, default=2)
    parser.add_argument("--over-s", type=float, default=300, help="seconds over which the events are sent")
    given = parser.parse_args()
    trial = Trial(
        events=read_events(given.events, given.count),
        seed=given.seed,
        kills=given.kills,
        restarts=given.restarts,
        over_s=given.over_s,
        limit_s=7200,
    )
    with tempfile.TemporaryDirectory(prefix="rag-accept-") as folder:
        done = run(trial, Path(folder) / "stack")
    sys.stdout.write(json.dumps(done) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
