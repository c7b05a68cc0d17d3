"""Outcomes are told once each, after they are true, and by ids that let a consumer drop repeats."""

import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from rag_core.identity import document_id
from tests.consuming.conftest import note
from tests.pipeline.corpus import Killed, paragraphs
from tests.streams.conftest import Announcing

BROKEN_PDF = {"content_base64": b64encode(b"%PDF-1.4 and nothing else").decode(), "media_type": "application/pdf"}
KILLED_BEFORE_IT_FORGETS = """
import os, signal, sys
from rag_core.kafka import Kafka
from resources.clients.catalog import open_catalog
from resources.clients.catalog.outbox import OutboxTurn
from resources.clients.kafka.sending import OutboxSender

OutboxTurn.acknowledged = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
url, collection, *servers = sys.argv[1:]
OutboxSender(open_catalog(url), collection=collection, kafka=Kafka.model_validate(
    {"bootstrap_servers": servers, "outcomes": {"topic": "none"}})).send_waiting(max_s=30)
"""


def test_each_outcome_is_told_once_as_a_cloud_event(announcing: Announcing) -> None:
    announcing.send(("good", note("cats", title="On cats")), ("bad", BROKEN_PDF))
    announcing.tick()
    announcing.run(run_id="run-1")
    announcing.send(("good", None))
    announcing.tick()
    announcing.run(run_id="run-2")
    announcing.send_outbox()
    assert announcing.outcomes is not None
    records = announcing.kafka.read_all(announcing.outcomes)
    events = {event["type"]: event for event in announcing.events()}
    assert len(records) == 3
    assert {record.key for record in records} == {announcing.uri("good").encode(), announcing.uri("bad").encode()}
    assert {dict(record.headers)["content-type"] for record in records} == {b"application/cloudevents+json"}
    indexed = events["rag.document.indexed"]
    assert {name: indexed[name] for name in ("specversion", "source", "subject", "datacontenttype")} == {
        "specversion": "1.0",
        "source": f"/collections/{announcing.name}",
        "subject": announcing.uri("good"),
        "datacontenttype": "application/json",
    }
    shown = announcing.catalog.queries.document(document_id(announcing.name, announcing.uri("bad")))
    assert shown is not None
    assert shown.reason is not None
    told = indexed["data"]
    assert (told["title"], told["chunks"], told["run_id"]) == ("On cats", 1, "run-1")
    assert told["document_id"] == str(document_id(announcing.name, announcing.uri("good")))
    failed = events["rag.document.failed"]["data"]
    reason = {"kind": shown.reason.kind, "message": shown.reason.message, "remedy": shown.reason.remedy}
    assert (failed["uri"], failed["reason"], failed["older_version_answers"]) == (
        announcing.uri("bad"),
        reason,
        False,
    )
    assert events["rag.document.deleted"]["data"]["arrival"] > told["arrival"]


def test_what_is_unchanged_or_superseded_is_not_told(announcing: Announcing) -> None:
    announcing.send(("a", note("old")), ("a", note("new")), partition=0)
    announcing.tick()
    announcing.run()
    announcing.send(("a", note("new")), partition=0)
    announcing.tick()
    [report] = announcing.run()
    assert report.counts.unchanged == 1
    announcing.send_outbox()
    assert [event["type"] for event in announcing.events()] == ["rag.document.indexed"]


def test_documents_of_folders_are_told_of_too(announcing: Announcing) -> None:
    announcing.write("a.txt", paragraphs("cats"))
    announcing.ingest()
    (announcing.folder / "a.txt").unlink()
    announcing.ingest()
    announcing.send_outbox()
    told = [(event["type"], event["subject"]) for event in announcing.events()]
    uri = announcing.store.uri("a.txt")
    assert told == [("rag.document.indexed", uri), ("rag.document.deleted", uri)]


def test_a_run_that_dies_before_its_commit_tells_nothing(announcing: Announcing) -> None:
    def die(step: str) -> None:
        if step == "written":
            raise Killed

    announcing.send(("a", note("cats")))
    announcing.tick()
    announcing.at_step = die
    with pytest.raises(Killed):
        announcing.run()
    assert announcing.catalog.outbox.waiting(announcing.name) == 0
    announcing.at_step = lambda _: None
    announcing.reconcile()
    announcing.send_outbox()
    assert [event["type"] for event in announcing.events()] == ["rag.document.indexed"]


def test_a_sender_that_is_killed_repeats_events_with_their_ids(announcing: Announcing, database_url: str) -> None:
    announcing.send(*((f"k{number}", note(f"word{number}")) for number in range(5)))
    announcing.tick()
    announcing.run()
    servers = announcing.kafka.bootstrap.split(",")
    command = [sys.executable, "-c", KILLED_BEFORE_IT_FORGETS, database_url, announcing.name, *servers]
    killed = subprocess.run(command, cwd=Path(__file__).parents[2], check=False, timeout=120)
    assert killed.returncode == -9
    assert announcing.catalog.outbox.waiting(announcing.name) == 5
    before = announcing.events()
    assert announcing.send_outbox() == 5
    after = announcing.events()
    assert announcing.catalog.outbox.waiting(announcing.name) == 0
    assert (len(before), len(after)) == (5, 10)
    assert len({event["id"] for event in after}) == 5
    assert sorted(map(str, before)) == sorted(map(str, after[5:]))


def test_a_document_that_killed_its_runs_is_told_of_when_its_end_is_concluded(
    announcing: Announcing, database_url: str
) -> None:
    import psycopg

    announcing.send(("a", note("cats")))
    announcing.tick()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE arrivals SET state = 'quarantined', reason_kind = 'crashed', reason = 'It died.', crashes = 3,"
            " reconcile = true, due_at = now()"
        )
    announcing.run()
    announcing.reconcile()
    announcing.send_outbox()
    first, again = announcing.events()
    assert first["type"] == "rag.document.failed"
    assert first["data"]["reason"]["kind"] == "crashed"
    assert again["id"] == first["id"]


def test_a_failed_message_is_sent_to_the_dead_letter_topic_with_its_bytes(announcing: Announcing) -> None:
    announcing.outcomes = None
    announcing.send(("good", note("cats")), ("bad/ä", BROKEN_PDF), partition=1)
    announcing.tick()
    announcing.run()
    assert announcing.send_outbox() == 1
    [record] = announcing.kafka.read_all(f"{announcing.topic}.dlq")
    headers = {name: value.decode() for name, value in record.headers}
    assert (record.key, record.value) == ("bad/ä".encode(), b"%PDF-1.4 and nothing else")
    said = {name: headers[name] for name in ("rag-topic", "rag-partition", "rag-offset", "content-type")}
    assert said == {
        "rag-topic": announcing.topic,
        "rag-partition": "1",
        "rag-offset": "1",
        "content-type": "application/pdf",
    }
    assert headers["rag-reason-kind"] == "unreadable"
    assert headers["rag-document-uri"] == announcing.uri("bad/%C3%A4")
    assert headers["rag-value-is"] == "decoded"
    assert "rag-replays" not in headers


def test_a_replay_that_ends_in_the_same_quarantine_repeats_its_letters_id(announcing: Announcing) -> None:
    announcing.send(("bad", BROKEN_PDF), ("worse", BROKEN_PDF), partition=0)
    announcing.tick()
    announcing.run()
    assert announcing.replay_range().recorded == 2
    announcing.run()
    announcing.send_outbox()
    ids: dict[bytes | None, list[bytes]] = {}
    for record in announcing.kafka.read_all(f"{announcing.topic}.dlq"):
        [found] = [value for name, value in record.headers if name == "rag-outbox-id"]
        ids.setdefault(record.key, []).append(found)
    assert {key: (len(each), len(set(each))) for key, each in ids.items()} == {b"bad": (2, 1), b"worse": (2, 1)}
    assert ids[b"bad"][0] != ids[b"worse"][0]


def test_the_decoded_bytes_of_a_quarantined_document_are_no_message_when_they_are_put_back(
    announcing: Announcing,
) -> None:
    announcing.send(("bad", BROKEN_PDF), partition=1)
    announcing.tick()
    announcing.run()
    announcing.send_outbox()
    [record] = announcing.kafka.read_all(f"{announcing.topic}.dlq")
    looks_like_one = b'{"text": "a form, by its looks"}'
    announcing.kafka.send(announcing.topic, [(record.key, looks_like_one)], partition=1, headers=list(record.headers))
    tick = announcing.tick()
    assert (tick.recorded, tick.dead) == (0, 1)
    assert "in place of its own value" in announcing.letters()[-1].reason
    announcing.send_outbox()
    again = dict(announcing.kafka.read_all(f"{announcing.topic}.dlq")[-1].headers)
    assert (again["rag-offset"], again["rag-replays"]) == (b"0", b"1")  # where it stood first, and no round for ever


def test_a_stream_without_a_dead_letter_topic_sends_none(announcing: Announcing) -> None:
    announcing.stream_settings = {"dead_letters": False}
    announcing.send(("bad", BROKEN_PDF), ("worse", b"no json"))
    announcing.tick()
    announcing.run()
    announcing.send_outbox()
    assert announcing.kafka.read_all(f"{announcing.topic}.dlq") == []
    assert [event["type"] for event in announcing.events()] == ["rag.document.failed"]
    assert len(announcing.letters()) == 1
