"""Queues read for real: moto's SQS, objects in SeaweedFS, a real catalog."""

from collections.abc import Callable, Iterable, Sequence

import pytest

from resources.clients.aws.sqs import QueuedMessage, SqsQueue
from tests.sqs.conftest import Notified
from tests.sqs.events import configured_event, event_bridge, in_sns, s3_event


@pytest.fixture
def notes(notified: Notified) -> Notified:
    notified.declare("notes", landing={"prefix": "in"})
    return notified


@pytest.mark.parametrize("form", [s3_event, event_bridge])
@pytest.mark.parametrize("envelope", [str, in_sns])
def test_an_announced_object_is_recorded_as_its_sweep_would_and_its_message_deleted(
    notes: Notified, form: Callable[[str, str], str], envelope: Callable[[str], str]
) -> None:
    notes.put("in/a folder/x+y é.txt")
    notes.send(envelope(form(notes.bucket("landing"), "in/a folder/x+y é.txt")))
    tick = notes.reader().tick(wait_s=0)
    assert (tick.messages, tick.recorded, notes.in_queue()) == (1, 1, (0, 0))
    assert notes.arrivals() == [("a folder/x+y é.txt", "present")]
    assert notes.sweep().tick().recorded == 0


def test_what_concerns_no_source_is_deleted_and_counted(notes: Notified) -> None:
    bucket = notes.bucket("landing")
    notes.send(
        s3_event("another-bucket", "in/a.txt"),
        s3_event(bucket, "out/a.txt"),
        s3_event(bucket, "in/.hidden"),
        configured_event(bucket),
    )
    tick = notes.reader().tick(wait_s=0)
    assert (tick.messages, tick.ignored, tick.recorded, notes.in_queue()) == (4, 4, 0, (0, 0))
    state = notes.catalog.queues.states("notes")["landing"]
    assert (state.ignored, state.messages, state.waiting, state.in_flight) == (4, 0, 0, 0)
    assert state.received_at is not None
    assert state.oldest_s is not None


def test_one_reader_serves_every_source_that_shares_the_queue(notified: Notified) -> None:
    notified.declare("notes", landing={"prefix": "in"}, pages={"bucket": "web"})
    notified.declare("law", statutes={"bucket": "landing", "include": ["**/*.txt"]})
    notified.put("in/both.txt")
    notified.put("elsewhere.txt")
    notified.put("page.html", bucket="web")
    notified.send(
        *(s3_event(notified.bucket("landing"), key) for key in ("in/both.txt", "elsewhere.txt")),
        s3_event(notified.bucket("web"), "page.html"),
    )
    tick = notified.reader().tick(wait_s=0)
    assert (tick.recorded, tick.ignored) == (4, 0)
    assert sorted(notified.arrivals("notes")) == [("both.txt", "present"), ("page.html", "present")]
    assert sorted(notified.arrivals("law")) == [("elsewhere.txt", "present"), ("in/both.txt", "present")]
    counted = notified.catalog.queues.states("notes")
    assert (counted["landing"].messages, counted["pages"].messages) == (1, 1)


def test_the_store_is_believed_and_not_the_order_of_messages(notes: Notified) -> None:
    bucket = notes.bucket("landing")
    notes.put("in/again.txt", "first")
    notes.send(s3_event(bucket, "in/again.txt"))
    reader = notes.reader()
    reader.tick(wait_s=0)
    notes.remove("in/again.txt")
    notes.put("in/again.txt", "second, longer")
    notes.send(
        s3_event(bucket, "in/again.txt"),
        s3_event(bucket, "in/again.txt", event="ObjectRemoved:Delete"),
        s3_event(bucket, "in/again.txt"),
    )
    assert reader.tick(wait_s=0).recorded == 1
    assert notes.arrivals() == [("again.txt", "present")] * 2
    notes.remove("in/again.txt")
    notes.send(s3_event(bucket, "in/again.txt", event="ObjectRemoved:DeleteMarkerCreated"))
    assert reader.tick(wait_s=0).recorded == 1
    assert notes.arrivals()[-1] == ("again.txt", "gone")


def test_messages_that_come_twice_are_one_arrival(notes: Notified) -> None:
    bucket = notes.bucket("landing")
    notes.put("in/a.txt")
    reader = notes.reader()
    said = s3_event(bucket, "in/a.txt")
    for _ in range(2):
        notes.send(said, said, event_bridge(bucket, "in/a.txt"))
        reader.tick(wait_s=0)
    assert notes.arrivals() == [("a.txt", "present")]


def test_a_sidecar_that_changed_makes_its_document_new(notified: Notified) -> None:
    notified.declare("notes", landing={"metadata": [{"from": "sidecar"}]})
    bucket = notified.bucket("landing")
    notified.put("a.txt")
    notified.send(s3_event(bucket, "a.txt"))
    reader = notified.reader()
    reader.tick(wait_s=0)
    notified.put("a.txt.meta.yaml", "title: A")
    notified.send(s3_event(bucket, "a.txt.meta.yaml"))
    assert reader.tick(wait_s=0).recorded == 1
    assert notified.arrivals() == [("a.txt", "present")] * 2
    assert notified.sweep().tick().recorded == 0


def test_tags_that_are_metadata_are_looked_at_as_the_sweep_does(notified: Notified) -> None:
    notified.declare("notes", landing={"metadata": [{"from": "tags", "fields": ["team"]}]})
    bucket = notified.bucket("landing")
    notified.objects.put_object(Bucket=bucket, Key="a.txt", Body=b"text", Tagging="team=law")
    notified.send(s3_event(bucket, "a.txt", event="ObjectTagging:Put"))
    assert notified.reader().tick(wait_s=0).recorded == 1
    assert notified.sweep().tick().recorded == 0


class ManyMessages(SqsQueue):
    """A queue in memory: moto's copies each message deeply as often as it is received, a minute for a thousand."""

    def __init__(self, url: str, bodies: Iterable[str]) -> None:
        super().__init__(url, region="us-east-1")
        self.waiting = [
            QueuedMessage(id=str(n), receipt=str(n), body=body.encode(), sent_ms=0, receives=1)
            for n, body in enumerate(bodies)
        ]
        self.received: list[QueuedMessage] = []

    def receive(self, *, wait_s: float) -> list[QueuedMessage]:
        del wait_s
        some, self.waiting = self.waiting[:10], self.waiting[10:]
        self.received += some
        return some

    def delete(self, messages: Sequence[QueuedMessage]) -> int:
        self.received = [each for each in self.received if each not in messages]
        return 0


def test_a_thousand_messages_are_recorded_once_each(notes: Notified) -> None:
    bucket = notes.bucket("landing")
    keys = [f"in/{n:04}.txt" for n in range(100)]
    for key in keys:
        notes.put(key)
    bodies = [form(bucket, key) for form in (s3_event, event_bridge) for key in keys * 5]
    queue = ManyMessages(notes.queue_url, bodies)
    reader = notes.reader(queue=queue)
    messages = 0
    while (tick := reader.tick(wait_s=0)).messages:
        messages += tick.messages
    assert (messages, queue.waiting, queue.received) == (1000, [], [])
    assert sorted(notes.arrivals()) == [(key.removeprefix("in/"), "present") for key in keys]


def test_many_deletions_are_left_to_the_sweep_which_is_brought_forward(notes: Notified) -> None:
    bucket = notes.bucket("landing")
    keys = [f"in/{n:03}.txt" for n in range(130)]
    for key in keys:
        notes.put(key)
    sweep = notes.sweep()
    assert sweep.tick().recorded == 130
    for key in keys[:25]:
        notes.remove(key)
    reader = notes.reader()
    notes.send(*(s3_event(bucket, key, event="ObjectRemoved:Delete") for key in keys[:25]))
    tick = reader.tick(wait_s=0)
    assert (tick.recorded, tick.left_to_sweep, notes.in_queue()) == (19, 6, (0, 0))
    assert sweep.tick().deleted == 6
    assert sum(presence == "gone" for _, presence in notes.arrivals()) == 25


def test_a_removal_of_what_was_never_known_is_nothing(notes: Notified) -> None:
    notes.send(s3_event(notes.bucket("landing"), "in/never.txt", event="ObjectRemoved:Delete"))
    tick = notes.reader().tick(wait_s=0)
    assert (tick.messages, tick.recorded, tick.ignored, notes.arrivals()) == (1, 0, 0, [])
