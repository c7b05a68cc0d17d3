"""``rag produce`` against a real broker: what it says was sent is in the topic, each key's messages in their order."""

import gzip
import json
import os
import signal
import subprocess
import sys
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import Rag
from tests.parsing.shared_data import shared_folder
from tests.producing.event_server import Answer, EventServer, played
from tests.services.kafka_topics import KafkaTopics
from tests.services.loopback import free_port, wait_until

_ROOT = Path(__file__).parents[2]
_RAG = [sys.executable, "-c", "from local_stack.cli.main import main; main()"]


def by_key(records: Iterable[Any]) -> Mapping[bytes | None, list[bytes]]:
    found: dict[bytes | None, list[bytes]] = defaultdict(list)
    for each in sorted(records, key=lambda record: (record.partition, record.offset)):
        found[each.key].append(each.value)
    return found


def written(path: Path, lines: Iterable[object]) -> Path:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def test_real_events_are_replayed_in_the_order_of_each_key(kafka: KafkaTopics, rag: Rag) -> None:
    events = shared_folder("wikimedia_events") / "wikiticker-2015-09-12-sampled.json.gz"
    with gzip.open(events) as opened:
        lines = [opened.readline().rstrip(b"\n") for _ in range(500)]
    topic = kafka.create_topic(partitions=3)
    ran = rag(
        *("produce", "wikimedia", "--replay", str(events), "--key", "{channel}/{page}", "--limit", "500", "--json"),
        *("--bootstrap", kafka.bootstrap, "--topic", topic),
    )
    assert ran.code == 0, ran.err
    records = kafka.read_all(topic)
    expected: dict[bytes | None, list[bytes]] = defaultdict(list)
    for line in lines:
        fields = json.loads(line)
        expected[f"{fields['channel']}/{fields['page']}".encode()].append(line)
    assert by_key(records) == expected
    said = ran.json
    assert said["messages"] == 500
    assert said["bytes"] == sum(len(each.key) + len(each.value) for each in records)
    assert said["last_offsets"] == {
        str(number): max(each.offset for each in records if each.partition == number) for number in range(3)
    }
    assert (said["bad"], said["sent_again"], said["was_stopped"]) == (0, 0, False)


def test_files_make_the_topic_that_is_asked_for(kafka: KafkaTopics, rag: Rag, tmp_path: Path) -> None:
    topic = f"test-{uuid.uuid4().hex[:12]}"
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md").write_text("# One")
    (tmp_path / "notes" / "b.pdf").write_bytes(b"%PDF-1.4\xff")
    words = ("produce", "files", str(tmp_path / "notes"), "--bootstrap", kafka.bootstrap, "--topic", topic)
    missing = rag(*words)
    assert missing.code == 2
    assert f"There is no topic '{topic}'" in missing.err
    assert "--partitions" in missing.err
    made = rag(*words, "--partitions", "2", "--json")
    try:
        assert made.code == 0, made.err
        assert (made.json["messages"], made.json["partitions"]) == (2, 2)
        values = {each.key: json.loads(each.value) for each in kafka.read_all(topic)}
        assert values[b"notes/a.md"] == {"id": "notes/a.md", "media_type": "text/markdown", "text": "# One"}
        assert values[b"notes/b.pdf"]["content_base64"] == "JVBERi0xLjT/"
    finally:
        kafka.delete_topic(topic)


def test_a_bad_line_stops_after_what_came_before_it_or_is_skipped(kafka: KafkaTopics, rag: Rag, tmp_path: Path) -> None:
    topic = kafka.create_topic(max_message_bytes="2000")
    lines = written(tmp_path / "lines", [{"id": 1}, {"id": 2, "text": "x" * 1980}, {"text": "no id"}, {"id": 4}])
    words = ("produce", "jsonl", str(lines), "--key", "id", "--bootstrap", kafka.bootstrap, "--topic", topic)
    stopped = rag(*words)
    assert stopped.code == 2
    assert f"{lines}:2: The message is larger" in stopped.err
    assert "1 messages before it are sent" in stopped.err
    assert "--skip-bad" in stopped.err
    assert [each.key for each in kafka.read_all(topic)] == [b"1"]
    skipped = rag(*words, "--skip-bad", "--json")
    assert (skipped.code, skipped.json["messages"], skipped.json["bad"]) == (0, 2, 2)
    assert [each["where"] for each in skipped.json["named"]] == [f"{lines}:2", f"{lines}:3"]
    assert [each.key for each in kafka.read_all(topic)] == [b"1", b"1", b"4"]


def test_a_compacted_topic_needs_keys(kafka: KafkaTopics, rag: Rag, tmp_path: Path) -> None:
    topic = kafka.create_topic(cleanup_policy="compact")
    lines = written(tmp_path / "lines", [{"id": 1, "text": "a"}])
    words = ("produce", "jsonl", str(lines), "--bootstrap", kafka.bootstrap, "--topic", topic)
    refused = rag(*words)
    assert refused.code == 2
    assert "no key" in refused.err
    assert "--key" in refused.err
    assert rag(*words, "--key", "id").code == 0


def test_a_collection_gives_brokers_and_topic(
    kafka: KafkaTopics, rag: Rag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = kafka.create_topic()
    (tmp_path / "collections").mkdir()
    (tmp_path / "collections" / "changes.yaml").write_text(
        f"name: changes\nkafka:\n  streams:\n    - {{name: pages, topics: [{topic}]}}\n"
    )
    lines = written(tmp_path / "lines", [{"id": 1, "text": "a"}])
    unset = rag("produce", "jsonl", str(lines), "-c", "changes")
    assert unset.code == 1
    assert "RAG_KAFKA" in unset.err
    monkeypatch.setenv("RAG_KAFKA", kafka.bootstrap)
    sent = rag("produce", "jsonl", str(lines), "-c", "changes", "--json")
    assert (sent.code, sent.json["topic"]) == (0, topic)
    assert len(kafka.read_all(topic)) == 1


def test_wrong_words_say_what_to_say(rag: Rag, tmp_path: Path) -> None:
    lines = str(written(tmp_path / "lines", [{"id": 1}]))
    for words, said in {
        ("jsonl", lines, "--topic", "t"): "--bootstrap",
        ("jsonl", lines, "--bootstrap", "127.0.0.1:1"): "--topic",
        ("jsonl", lines, "--topic", "a/b", "--bootstrap", "127.0.0.1:1"): "--topic",
        ("jsonl", lines, "--topic", "t", "--bootstrap", "nowhere"): "--bootstrap",
        ("jsonl", lines, "--topic", "t", "--rate", "many"): "--rate",
        ("wikimedia", "--topic", "t", "--rate", "5/s"): "--replay",
        ("wikimedia", "--topic", "t", "--replay", lines, "--url", "http://a/"): "--replay",
    }.items():
        ran = rag("produce", *words)
        assert ran.code != 0, words
        assert said in ran.err, words


def test_a_broker_that_is_not_there_is_named(rag: Rag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.clients.kafka.connecting.BOOTSTRAP_S", 0.5)
    server = f"127.0.0.1:{free_port()}"
    lines = written(tmp_path / "lines", [{"id": 1}])
    ran = rag("produce", "jsonl", str(lines), "--topic", "t", "--bootstrap", server, "--json")
    assert ran.code == 1
    assert server in ran.json["detail"]
    assert ran.json["dependency"] == "kafka"
    assert "Nothing was sent" in ran.json["remedy"]


def edit(number: int) -> bytes:
    meta = {"id": f"m{number}", "domain": "en.wikipedia.org", "dt": "2026-01-01T00:00:00Z"}
    fields = {"wiki": "enwiki", "title": f"Page {number % 5}", "type": "edit", "user": "A", "number": number}
    value = json.dumps({"$schema": "/mediawiki/recentchange/1.0.0", "meta": meta, **fields})
    return f'event: message\r\nid: [{{"timestamp":{number}}}]\r\ndata: {value}\r\n\r\n'.encode()


def test_a_followed_stream_arrives_whole_over_lost_connections(kafka: KafkaTopics, rag: Rag) -> None:
    topic = kafka.create_topic(partitions=3)

    def answer(last: str | None) -> Answer:
        first = 0 if last is None else json.loads(last)[0]["timestamp"] + 1
        if first == 60:
            return Answer(status=204)
        wire = b"retry: 10\n\n" + b"".join(edit(number) for number in range(first, 60))
        return Answer(body=[wire if first >= 40 else wire[:5000]])

    with EventServer(answer).running() as server:
        ran = rag(
            "produce", "wikimedia", "--url", server.url, "--bootstrap", kafka.bootstrap, "--topic", topic, "--json"
        )
    assert ran.code == 0, ran.err
    found = {
        key: [json.loads(value)["number"] for value in values] for key, values in by_key(kafka.read_all(topic)).items()
    }
    assert found == {f"enwiki/Page {page}".encode(): list(range(page, 60, 5)) for page in range(5)}
    assert ran.json["messages"] == 60
    assert ran.json["followed"]["last_event_id"] == '[{"timestamp":59}]'
    assert ran.json["followed"]["reconnects"] == len(server.asked) - 2 > 0
    assert (server.user_agents[0] or "").startswith("rag-assets/")


def test_an_event_that_is_too_large_stops_and_says_where_to_go_on(kafka: KafkaTopics, rag: Rag) -> None:
    topic = kafka.create_topic(max_message_bytes="2000")
    large = b"id: 9\ndata: {" + b" " * 5000 + b"}\n\n"
    words = ("--bootstrap", kafka.bootstrap, "--topic", topic, "--json")
    with EventServer(played([Answer(body=[edit(1) + large + edit(2)])])).running() as server:
        ran = rag("produce", "wikimedia", "--url", server.url, *words)
    assert ran.code == 2
    assert "event 9: The message is larger" in ran.json["detail"]
    assert """--last-event-id '[{"timestamp":1}]'""" in ran.json["remedy"]
    assert len(kafka.read_all(topic)) == 1
    with EventServer(played([Answer(body=[edit(1) + large + edit(2)])])).running() as server:
        ran = rag("produce", "wikimedia", "--url", server.url, "--skip-bad", "--last-event-id", "7", *words)
    assert (ran.code, ran.json["messages"], ran.json["bad"], server.asked[0]) == (0, 2, 1, "7")


def started(kafka: KafkaTopics, tmp_path: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*_RAG, "produce", *words, "--bootstrap", kafka.bootstrap, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
        env={**os.environ, "RAG_HOME": str(tmp_path / "home"), "RAG_COLLECTIONS": str(tmp_path)},
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_replay_that_is_stopped_has_sent_what_it_says(
    kafka: KafkaTopics, tmp_path: Path, number: signal.Signals
) -> None:
    topic = kafka.create_topic(partitions=2)
    lines = written(tmp_path / "lines", [{"channel": "#en", "page": f"{n % 50}", "n": n} for n in range(100_000)])
    with started(kafka, tmp_path, "wikimedia", "--replay", str(lines), "--rate", "500/s", "--topic", topic) as process:
        wait_until(lambda: len(kafka.read_all(topic)) > 0, what="the first messages")
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    said = json.loads(out)
    assert said["was_stopped"]
    found = sorted(json.loads(each.value)["n"] for each in kafka.read_all(topic))
    assert found == list(range(said["messages"]))
    assert 0 < len(found) < 100_000


def test_a_followed_stream_that_is_stopped_has_sent_what_it_says(kafka: KafkaTopics, tmp_path: Path) -> None:
    topic = kafka.create_topic()

    def endless() -> Iterator[bytes]:
        for number in range(1_000_000):
            yield edit(number)
            if number > 100:
                server.is_held_up.wait(0.01)

    with (
        EventServer(played([Answer(body=endless())])).running() as server,
        started(kafka, tmp_path, "wikimedia", "--url", server.url, "--topic", topic) as process,
    ):
        wait_until(lambda: len(kafka.read_all(topic)) > 50, what="the first events")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    said = json.loads(out)
    found = [json.loads(each.value)["number"] for each in kafka.read_all(topic)]
    assert found == list(range(said["messages"]))
    assert said["followed"]["last_event_id"] == f'[{{"timestamp":{found[-1]}}}]'
