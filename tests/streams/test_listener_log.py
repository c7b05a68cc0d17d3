"""What the listener says while it cannot read: each reason once, and in the catalog for whoever looks."""

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest

from rag_core.errors import DependencyUnavailable
from sensors.listener import Pausing
from tests.consuming.conftest import STREAM
from tests.services.kafka_topics import KafkaTopics
from tests.services.loopback import free_port, wait_until
from tests.streams.conftest import Announcing

ROOT = Path(__file__).parents[2]


def test_a_reason_that_lasts_is_said_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    stop = Event()
    stop.set()
    pausing = Pausing(stop, collection="notes", stream="events")
    with caplog.at_level(logging.INFO, logger="rag.watcher"):
        for reason in ("refused", "refused", "refused", "another"):
            pausing.after(DependencyUnavailable(reason, dependency="kafka"))
        pausing.over()
        pausing.over()
    said = [json.loads(record.message) for record in caplog.records]
    assert [(each["event"], each.get("reason")) for each in said] == [
        ("waiting", "refused"),
        ("waiting", "another"),
        ("goes on", None),
    ]


def test_a_broker_that_is_not_there_is_noted_and_the_log_holds_only_our_lines(
    announcing: Announcing, database_url: str, tmp_path: Path
) -> None:
    announcing.kafka, there = KafkaTopics(f"127.0.0.1:{free_port()}"), announcing.kafka
    announcing.loaded()
    announcing.kafka = there
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAG_")},
        "RAG_HOME": str(tmp_path / "home"),
        "RAG_COLLECTIONS": str(announcing.root / "collections"),
        "RAG_DATABASE_URL": database_url,
    }
    log = tmp_path / "said.log"
    with log.open("wb") as said:
        started = subprocess.Popen(
            [sys.executable, "-m", "sensors.listener"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        wait_until(lambda: bool(announcing.catalog.stream_troubles.current(announcing.name)), what="the trouble")
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(60)
    assert announcing.catalog.stream_troubles.current(announcing.name)[STREAM].reason
    assert {json.loads(line)["event"] for line in log.read_text().splitlines()} <= {"listening", "waiting", "ended"}
