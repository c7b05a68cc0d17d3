"""What ``rag status``, ``/v1/streams`` and ``/metrics`` say of queues; the listener's threads."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

import sensors.queue_listening
from local_stack.cli.streams_status import stream_lines
from query_api.app import create_app
from rag_core.errors import DependencyUnavailable
from resources.clients.aws.sqs import SqsQueue
from resources.clients.settings import Settings
from sensors.queue_listening import Forgetting, open_queue_reader, queue_works
from tests.services.loopback import wait_until
from tests.sqs.conftest import Notified
from tests.sqs.events import s3_event


@pytest.fixture
def asked(notified: Notified) -> Callable[[str], Any]:
    def ask(path: str) -> Any:
        settings = Settings(
            home=notified.folder.parent,
            collections=notified.folder,
            database_url=notified.database_url,
            qdrant_url="http://127.0.0.1:9",
            auth="off",
        )
        with TestClient(create_app(settings), base_url="http://localhost") as api:
            return api.get(path)

    return ask


def test_a_queue_is_shown_as_it_was_read_last(notified: Notified, asked: Callable[[str], Any]) -> None:
    notified.declare("notes", landing={})
    lines = list(stream_lines(asked("/v1/streams").json()["collections"]))
    assert lines == ["notes/landing: queue, not read yet; see 'rag logs listener', 0 read, 0 new or changed"]
    notified.put("a.txt")
    notified.send(s3_event(notified.bucket("landing"), "a.txt"), s3_event("elsewhere", "b.txt"), "not json")
    notified.reader().tick(wait_s=0)
    [collection] = asked("/v1/streams").json()["collections"]
    [queue] = collection["queues"]
    figures = {"waiting", "in_flight", "messages", "recorded", "ignored", "dead_letters", "left_to_sweep"}
    assert {name: queue[name] for name in figures} == {
        "waiting": 0,
        "in_flight": 0,
        "messages": 1,
        "recorded": 1,
        "ignored": 1,
        "dead_letters": 1,
        "left_to_sweep": 0,
    }
    (line,) = [each for each in stream_lines([collection]) if each.startswith("notes/landing: queue")]
    assert "0 waiting, 0 being read, last message " in line
    assert "1 read, 1 new or changed, 1 of no source, 1 became dead letters" in line
    metrics = asked("/metrics").text
    assert 'rag_queue_waiting{collection="notes",source="landing"} 0.0' in metrics
    assert 'rag_dead_letters{collection="notes",stream="landing"} 1.0' in metrics


def test_the_listener_reads_each_queue_and_tells_what_keeps_it_from_others(
    notified: Notified, asked: Callable[[str], Any]
) -> None:
    notified.declare("notes", landing={})
    notified.declare("law", statutes={"bucket": "landing"})
    notified.declare("lost", pages={"sqs": {"queue_url": None, "queue_url_env": "NO_SUCH_VARIABLE"}})
    notified.put("a.txt")
    ours = {"RAG_DATABASE_URL": notified.database_url, "RAG_COLLECTIONS": str(notified.folder)}
    listener = subprocess.Popen([sys.executable, "-m", "sensors.listener"], env=os.environ | ours)
    try:
        wait_until(lambda: notified.catalog.stream_troubles.current("lost"), what="the trouble to be noted")
        notified.send(s3_event(notified.bucket("landing"), "a.txt"))
        wait_until(lambda: notified.arrivals("notes") and notified.arrivals("law"), what="both to have it")
        wait_until(lambda: notified.in_queue() == (0, 0), what="the message to be deleted")
        listener.send_signal(signal.SIGTERM)
        assert listener.wait(30) == 0
    finally:
        listener.kill()
    shown = {each["collection"]: each for each in asked("/v1/streams").json()["collections"]}
    assert shown["law"]["queues"][0]["trouble"] is None
    assert "NO_SUCH_VARIABLE" in shown["lost"]["queues"][0]["trouble"]["reason"]


def test_a_trouble_ends_with_the_next_reading(notified: Notified) -> None:
    notified.declare("notes", landing={})
    notified.catalog.stream_troubles.note("notes", "landing", "SQS is away.")
    notified.reader().tick(wait_s=0)
    assert notified.catalog.stream_troubles.current("notes") == {}


def test_a_queue_that_nobody_reads_is_told_by_its_age_and_not_by_what_once_waited(
    notified: Notified, asked: Callable[[str], Any]
) -> None:
    def exported(name: str) -> list[float]:
        lines = [line for line in asked("/metrics").text.splitlines() if line.startswith(f"{name}{{")]
        return [float(line.rpartition(" ")[2]) for line in lines]

    notified.declare("notes", landing={})
    with pytest.raises(DependencyUnavailable):
        notified.reader(queue=SqsQueue("http://127.0.0.1:9/1/away", region="us-east-1")).tick(wait_s=0)
    (never_read_s,) = exported("rag_queue_read_age_seconds")
    assert 0 <= never_read_s < 60
    assert exported("rag_queue_waiting") == []
    notified.reader().tick(wait_s=0)
    assert exported("rag_queue_waiting") == [0]
    notified.rows("UPDATE positions SET moved_at = now() - interval '20 minutes' WHERE source = 'landing/queue'")
    with pytest.raises(DependencyUnavailable):
        notified.reader(queue=SqsQueue("http://127.0.0.1:9/1/away", region="us-east-1")).tick(wait_s=0)
    (age_s,) = exported("rag_queue_read_age_seconds")
    assert 1200 <= age_s < 1300
    assert exported("rag_queue_waiting") == []


def test_a_listener_that_starts_forgets_queues_that_are_declared_no_more(
    notified: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    notified.declare("law", statutes={"bucket": "landing"})
    notified.declare("notes", landing={})
    notified.reader().tick(wait_s=0)
    notified.rows("INSERT INTO positions (collection, source, value, version) VALUES ('notes', 'landing', '{}', 1)")
    declared = yaml.safe_load((notified.folder / "notes.yaml").read_text())
    del declared["sources"][0]["notifications"]
    (notified.folder / "notes.yaml").write_text(yaml.safe_dump(declared))
    monkeypatch.setattr(sensors.queue_listening, "shared_catalog", lambda: notified.catalog)
    (forgetting,) = [each for each in queue_works(notified.loaded(), Event()) if isinstance(each, Forgetting)]
    forgetting.run()
    assert notified.catalog.queues.states("notes") == {}
    assert set(notified.catalog.queues.states("law")) == {"statutes"}
    assert len(notified.rows("SELECT 1 FROM positions WHERE collection = 'notes' AND source = 'landing'")) == 1


def test_a_reader_beats_while_it_reads(notified: Notified, monkeypatch: pytest.MonkeyPatch) -> None:
    notified.declare("notes", landing={})
    monkeypatch.setattr(sensors.queue_listening, "shared_catalog", lambda: notified.catalog)
    beats: list[int] = []
    reader = open_queue_reader(notified.declared(), beat=lambda: beats.append(1))
    notified.readers.append(reader)
    reader.tick(wait_s=0)
    assert beats
