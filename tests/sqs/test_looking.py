"""Objects that cannot be looked at: recorded without a version, once, so that a run looks when it can."""

from typing import Any

import pytest

from resources.clients.aws.sqs import SqsQueue
from tests.sqs.conftest import Notified
from tests.sqs.events import s3_event


class NotDeleting(SqsQueue):
    """A queue whose role may not delete: every message comes again."""

    def delete(self, messages: Any) -> int:
        return len(messages)


def announced(notified: Notified) -> list[tuple[str, str, str]]:
    return [tuple(row) for row in notified.rows("SELECT key, presence, announced FROM arrivals ORDER BY number")]


def test_a_store_that_is_away_stops_nothing_and_a_run_is_due_to_look(
    notified: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    notified.declare("notes", landing={})
    notified.send(s3_event(notified.bucket("landing"), "a.txt"))
    monkeypatch.setenv("OBJECTS", "http://127.0.0.1:9")
    tick = notified.reader().tick(wait_s=0)
    assert (tick.recorded, tick.undone, notified.in_queue()) == (1, 0, (0, 0))
    assert announced(notified) == [("a.txt", "present", "")]
    assert notified.pending() == 1


def test_a_deletion_told_while_the_store_is_away_is_recorded_where_the_object_is_known(
    notified: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    notified.declare("notes", landing={})
    notified.put("a.txt")
    notified.sweep().tick()
    bucket = notified.bucket("landing")
    notified.send(*(s3_event(bucket, key, event="ObjectRemoved:Delete") for key in ("a.txt", "never.txt")))
    monkeypatch.setenv("OBJECTS", "http://127.0.0.1:9")
    assert notified.reader().tick(wait_s=0).recorded == 1
    assert announced(notified)[1:] == [("a.txt", "gone", "")]


def test_what_a_run_is_due_to_look_at_is_no_new_arrival_however_often_its_message_comes(
    notified: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.clients.aws.sqs.VISIBLE_AFTER_S", 0)
    notified.declare("notes", landing={})
    notified.send(s3_event(notified.bucket("landing"), "a.txt"))
    monkeypatch.setenv("OBJECTS", "http://127.0.0.1:9")
    reader = notified.reader(queue=NotDeleting(notified.queue_url))
    assert [reader.tick(wait_s=0).recorded for _ in range(3)] == [1, 0, 0]
    notified.rows("UPDATE arrivals SET state = 'processing', due_at = NULL")
    assert reader.tick(wait_s=0).recorded == 1, "a run that has begun may have looked before the object changed"


def test_a_store_without_tags_that_are_metadata_has_its_objects_recorded_unseen(
    notified: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    notified.declare("notes", landing={"metadata": [{"from": "tags", "fields": ["team"]}]})
    bucket = notified.bucket("landing")
    objects = notified.aws.of("s3")
    objects.create_bucket(Bucket=bucket)
    objects.put_object(Bucket=bucket, Key="a.txt", Body=b"text")
    notified.send(s3_event(bucket, "a.txt"))
    monkeypatch.setenv("OBJECTS", notified.aws.endpoint)
    notified.aws.faults["tagging"] = 501
    tick = notified.reader(max_receives=1).tick(wait_s=0)
    assert (tick.recorded, tick.dead, notified.in_queue()) == (1, 0, (0, 0))
    assert announced(notified) == [("a.txt", "present", "")]
