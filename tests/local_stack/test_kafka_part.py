"""``rag up --kafka``: a broker that every part and every command in another shell finds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_stack.members import is_living, members
from tests.local_stack.conftest import Home, new_home
from tests.services.kafka_topics import KafkaTopics
from tests.services.loopback import free_block, wait_until

pytestmark = pytest.mark.xdist_group("kafka")  # one broker at a time is enough for the machine


@pytest.fixture(scope="module")
def with_kafka() -> Iterator[Home]:
    made = new_home("qdrant", name="a home, with 'commas'", RAG_KAFKA_PORT=str(free_block(2)))
    made.rag("up", "--detach", "--kafka")
    yield made
    made.clear()


def topics_of(home: Home) -> KafkaTopics:
    return KafkaTopics(home.stack()["settings"]["kafka"])


def test_its_address_is_in_the_stack_its_state_in_the_status_and_its_words_in_the_log(with_kafka: Home) -> None:
    port = with_kafka.environment["RAG_KAFKA_PORT"]
    assert with_kafka.stack()["settings"]["kafka"] == f"127.0.0.1:{port}"
    kafka = with_kafka.status()["kafka"]
    assert (kafka["state"], kafka["url"]) == ("running", f"127.0.0.1:{port}")
    assert "Kafka Server started" in with_kafka.rag("logs", "kafka", "-n", "1000")


def test_a_killed_broker_is_started_again_with_every_record(with_kafka: Home) -> None:
    topics = topics_of(with_kafka)
    topic = topics.create_topic()
    topics.send(topic, [(None, b"kept")])
    before = with_kafka.status()["kafka"]["pid"]
    with_kafka.kill9([before])

    def is_back() -> bool:
        now = with_kafka.status()["kafka"]
        return now["state"] == "running" and now["pid"] != before

    wait_until(is_back, what="the broker to be back")
    assert [record.value for record in topics.read_all(topic)] == [b"kept"]


def test_after_down_and_up_the_records_are_there_and_the_broker_ended_in_order(with_kafka: Home) -> None:
    topics = topics_of(with_kafka)
    topic = topics.create_topic()
    topics.send(topic, [(None, b"kept")])
    pid = with_kafka.status()["kafka"]["pid"]
    with_kafka.rag("down")
    assert not is_living(pid)
    assert not members(with_kafka.folder)
    assert "shut down completed" in (Path(with_kafka.folder) / "logs" / "kafka.log").read_text()
    with_kafka.rag("up", "--detach", "--kafka")
    assert [record.value for record in topics.read_all(topic)] == [b"kept"]


def test_asking_for_kafka_from_a_stack_without_it_says_how(running: Home) -> None:
    assert "'rag up --kafka'" in running.rag("up", "--detach", "--kafka", expect=1)


def test_an_address_from_outside_replaces_the_part(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(home.environment, "RAG_KAFKA", "elsewhere:9092")
    home.rag("up", "--detach", "--kafka")
    assert home.status()["kafka"]["state"] == "external"
    assert not (home.folder / "kafka").exists()


def test_without_java_nothing_is_started_and_the_error_says_what_to_install(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(home.environment, "PATH", str(tmp_path))
    monkeypatch.delitem(home.environment, "JAVA_HOME", raising=False)
    said = home.rag("up", "--detach", "--kafka", expect=1)
    assert "Java 17" in said
    assert not (home.folder / "stack.json").exists()
