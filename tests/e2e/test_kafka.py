"""Streams through a whole stack: a message is answered with its place, and kills lose and double nothing."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaProducer

from tests.e2e.kafka_acceptance import Event, Trial, run
from tests.e2e.stack import Stack

pytestmark = pytest.mark.xdist_group("e2e")

STREAM = """\
kafka:
  outcomes: {topic: outcomes}
  streams:
    - name: events
      topics: [notes]
"""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path / "stack", kafka=True, more=STREAM) as running:
        yield running


def test_a_message_becomes_a_cited_answer_and_a_tombstone_takes_it_back(stack: Stack) -> None:
    producer = KafkaProducer(bootstrap_servers=stack.brokers.split(","))
    text = "The harbour master keeps the only key of the lighthouse in a blue tin under the stairs."
    producer.send("notes", key=b"lighthouse", value=json.dumps({"text": text, "title": "Lighthouse"}).encode()).get(60)
    stack.wait_settled(["notes/lighthouse"])
    found = stack.search("Where is the key of the lighthouse kept?")
    assert found[0]["text"] == text
    assert found[0]["uri"] == "kafka://main/notes/lighthouse"
    producer.send("notes", key=b"lighthouse", value=None).get(60)
    producer.close()
    stack.wait_for("the passage gone", lambda: not stack.search("lighthouse", mode="sparse"))


@pytest.mark.timeout(900)
def test_killed_daemons_runs_listeners_and_brokers_lose_and_double_nothing(tmp_path: Path) -> None:
    rng = random.Random(11)
    pages = [f"Page {number}/{rng.choice('äöü%#?')}" for number in range(150)]
    events: list[Event] = [
        {
            "channel": "#en.wikipedia",
            "page": rng.choice(pages),
            "comment": f"edit {number} about the {rng.choice(('river', 'castle', 'engine'))}",
            "user": f"user{rng.randrange(9)}",
            "added": rng.randrange(100),
            "deleted": 0,
        }
        for number in range(400)
    ]
    trial = Trial(events=events, seed=3, kills=5, restarts=1, over_s=25, limit_s=300)
    done = run(trial, tmp_path / "stack")
    assert done["documents"] == len({event["page"] for event in events})
