"""Whatever fails between receiving and deleting: nothing is lost, nothing is recorded twice, nobody else is stopped."""

import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import sensors.queue_batch
from rag_core.errors import ConfigurationError, DependencyUnavailable, InvalidRequest
from rag_core.messages.queued import queued_hints
from resources.clients.aws.sqs import SqsQueue
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import DeadLetterFilter
from sensors.dead_letter_replay import DeadLetterReplay, ReplayEnd
from tests.sqs.conftest import Notified
from tests.sqs.events import event_bridge, s3_event


@pytest.fixture
def notes(notified: Notified) -> Notified:
    notified.declare("notes", landing={})
    notified.put("a.txt")
    return notified


class Interrupted(SqsQueue):
    """A queue whose next deletion never happens."""

    def delete(self, messages: Any) -> int:
        del messages
        raise KeyboardInterrupt


class NotDeleting(SqsQueue):
    """A queue that refuses to delete, as SQS does for single messages of a batch."""

    def delete(self, messages: Any) -> int:
        return len(messages)


@pytest.mark.parametrize("queue", [Interrupted, NotDeleting])
def test_a_message_that_was_not_deleted_comes_again_and_is_no_new_arrival(
    notes: Notified, queue: Callable[[str], SqsQueue], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.clients.aws.sqs.VISIBLE_AFTER_S", 0)
    notes.send(s3_event(notes.bucket("landing"), "a.txt"))
    first = notes.reader(queue=queue(notes.queue_url))
    if queue is Interrupted:
        with pytest.raises(KeyboardInterrupt):
            first.tick(wait_s=0)
    else:
        assert first.tick(wait_s=0).undeleted == 1
    assert notes.arrivals() == [("a.txt", "present")]
    assert notes.in_queue() == (1, 0)
    tick = notes.reader().tick(wait_s=0)
    assert (tick.messages, tick.recorded, notes.in_queue()) == (1, 0, (0, 0))
    assert notes.arrivals() == [("a.txt", "present")]


@pytest.mark.parametrize("before", ["recorded", "deleted"])
def test_a_reader_that_is_killed_loses_nothing(notes: Notified, before: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.clients.aws.sqs.VISIBLE_AFTER_S", 0)
    notes.send(s3_event(notes.bucket("landing"), "a.txt"), event_bridge(notes.bucket("landing"), "a.txt"))
    command = [sys.executable, "-m", "tests.sqs.dying", str(notes.folder), notes.catalog._database.url, before]
    assert subprocess.run(command, timeout=60, check=False).returncode == -signal.SIGKILL
    assert notes.arrivals() == ([("a.txt", "present")] if before == "deleted" else [])
    assert notes.in_queue() == (2, 0)
    tick = notes.reader().tick(wait_s=0)
    assert (tick.messages, tick.recorded, notes.in_queue()) == (2, int(before == "recorded"), (0, 0))
    assert notes.arrivals() == [("a.txt", "present")]


def test_what_fits_no_form_is_a_dead_letter_at_once_and_the_rest_goes_on(notes: Notified) -> None:
    notes.send("not json", s3_event(notes.bucket("landing"), "a.txt"), '{"hello": "world"}')
    tick = notes.reader().tick(wait_s=0)
    assert (tick.dead, tick.recorded, notes.in_queue()) == (2, 1, (0, 0))
    letters = notes.catalog.dead_letters.page(DeadLetterFilter(collection="notes")).letters
    assert sorted(each.kind for each in letters) == ["no-form", "not-json"]
    assert {each.source for each in letters} == {"landing"}
    assert all(each.topic.startswith("sqs:") and each.is_kept and each.remedy for each in letters)


def test_a_dead_letter_that_fits_now_is_replayed_and_settled(notes: Notified, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_old(body: bytes) -> Any:
        return queued_hints(b"{}" if b"Records" in body else body)

    with monkeypatch.context() as patched:
        patched.setattr(sensors.queue_batch, "queued_hints", too_old)
        notes.send(s3_event(notes.bucket("landing"), "a.txt"), "not json")
        notes.reader().tick(wait_s=0)
    (loaded,) = notes.loaded()
    which = DeadLetterFilter(collection="notes")
    with DeadLetterReplay(loaded, notes.catalog) as replay:
        found = [notes.catalog.dead_letters.find(each.id) for each in notes.catalog.dead_letters.page(which).letters]
        ends = {replay.replay(each).end for each in found if each is not None}
    assert ends == {ReplayEnd.RECORDED, ReplayEnd.STILL_DEAD}
    assert notes.arrivals() == [("a.txt", "present")]
    assert [each.kind for each in notes.catalog.dead_letters.page(which).letters] == ["not-json"]


def _failing_for(catalog: Catalog, key: str) -> Callable[..., Any]:
    record = catalog.queues.record

    def fail(collection: str, seen: Any, **more: Any) -> Any:
        if any(each.key == key for found in seen.values() for each in found):
            raise InvalidRequest(f"{key} cannot be recorded.")
        return record(collection, seen, **more)

    return fail


@pytest.mark.parametrize("redrive", [False, True])
def test_a_message_that_cannot_be_recorded_is_dead_after_its_receives_unless_the_queue_moves_it(
    notes: Notified, redrive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if redrive:
        sqs = notes.aws.of("sqs")
        other = sqs.create_queue(QueueName=f"dead-{notes.queue_url.rpartition('/')[2]}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=other, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": "50"}}'
        sqs.set_queue_attributes(QueueUrl=notes.queue_url, Attributes={"RedrivePolicy": policy})
    monkeypatch.setattr("sensors.queue_reading._AGAIN_AFTER_S", 0)
    notes.put("poison.txt")
    notes.send(*(s3_event(notes.bucket("landing"), key) for key in ("poison.txt", "a.txt")))
    monkeypatch.setattr(notes.catalog.queues, "record", _failing_for(notes.catalog, "poison.txt"))
    reader = notes.reader(max_receives=3)
    first = reader.tick(wait_s=0)
    assert (first.recorded, first.undone, first.dead) == (1, 1, 0)
    ticks = [reader.tick(wait_s=0) for _ in range(3)]
    assert sum(tick.dead for tick in ticks) == int(not redrive)
    assert notes.in_queue() == (int(redrive), 0)
    letters = notes.catalog.dead_letters.page(DeadLetterFilter(collection="notes")).letters
    assert [each.kind for each in letters] == ([] if redrive else ["not-recorded"])
    assert all("poison.txt cannot be recorded" in each.reason for each in letters)


def test_a_catalog_that_is_away_receives_nothing_so_no_message_wears_out(notes: Notified) -> None:
    notes.send(s3_event(notes.bucket("landing"), "a.txt"))
    away = Catalog("postgresql://nobody@127.0.0.1:9/none")
    with pytest.raises(DependencyUnavailable):
        notes.reader(catalog=away).tick(wait_s=0)
    away.close()
    received = notes.aws.of("sqs").receive_message(
        QueueUrl=notes.queue_url, MessageSystemAttributeNames=["ApproximateReceiveCount"]
    )
    assert received["Messages"][0]["Attributes"]["ApproximateReceiveCount"] == "1"


def test_a_queue_that_is_away_or_not_there_says_which(notes: Notified) -> None:
    with pytest.raises(DependencyUnavailable, match="SQS queue 1/nothing"):
        notes.reader(queue=SqsQueue("http://127.0.0.1:9/1/nothing", region="us-east-1")).tick(wait_s=0)
    missing = SqsQueue(f"{notes.queue_url}-missing", region="us-east-1")
    with pytest.raises(ConfigurationError, match="there is no SQS queue") as refused:
        notes.reader(queue=missing).tick(wait_s=0)
    assert "queue_url" in refused.value.remedy
