"""A catalog that refuses: where it takes nothing no message is at fault; where one message is, the others go on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rag_core.errors import DependencyUnavailable, InvalidRequest
from resources.clients.aws.connecting import AwsRefused
from resources.clients.aws.sqs import SqsQueue
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import CatalogError, DeadLetterFilter
from sensors.object_hints import ObjectHints
from tests.sqs.conftest import Notified
from tests.sqs.events import s3_event


@pytest.fixture
def notes(notified: Notified) -> Notified:
    notified.declare("notes", landing={})
    return notified


def send(notified: Notified, *keys: str) -> None:
    for key in keys:
        notified.put(key)
    notified.send(*(s3_event(notified.bucket("landing"), key) for key in keys))


def letters(notified: Notified) -> list[str]:
    return [each.kind for each in notified.catalog.dead_letters.page(DeadLetterFilter(collection="notes")).letters]


@contextmanager
def no_arrivals_table(notified: Notified) -> Iterator[None]:
    notified.rows("ALTER TABLE arrivals RENAME TO arrivals_elsewhere")
    try:
        yield
    finally:
        notified.rows("ALTER TABLE arrivals_elsewhere RENAME TO arrivals")


@contextmanager
def refusing(notified: Notified, *keys: str) -> Iterator[None]:
    listed = ", ".join(f"'{key}'" for key in keys)
    notified.rows(f"ALTER TABLE arrivals ADD CONSTRAINT refusing CHECK (key NOT IN ({listed})) NOT VALID")
    try:
        yield
    finally:
        notified.rows("ALTER TABLE arrivals DROP CONSTRAINT refusing")


@pytest.mark.parametrize("keys", [("a.txt",), ("a.txt", "b.txt", "c.txt")])
def test_a_catalog_that_takes_no_message_is_trouble_and_makes_none_of_them_dead(
    notes: Notified, keys: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    send(notes, *keys)
    notes.send(s3_event("another-bucket", "x.txt"))
    with no_arrivals_table(notes), pytest.raises(CatalogError, match="42P01"):
        notes.reader(max_receives=1).tick(wait_s=0)
    assert letters(notes) == []
    assert notes.in_queue() == (0, len(keys) + 1), "given back, but not at once: each time counts as a receive"
    monkeypatch.setattr("resources.clients.aws.sqs.VISIBLE_AFTER_S", 0)
    monkeypatch.setattr("sensors.queue_reading._AGAIN_AFTER_S", 0)
    send(notes, "d.txt")
    with no_arrivals_table(notes), pytest.raises(CatalogError):
        notes.reader().tick(wait_s=0)
    assert notes.in_queue()[0] == 1


def test_one_message_that_the_catalog_refuses_is_dead_and_the_others_are_recorded(notes: Notified) -> None:
    send(notes, "poison.txt", "a.txt", "b.txt")
    with refusing(notes, "poison.txt"):
        tick = notes.reader(max_receives=1).tick(wait_s=0)
        assert (tick.recorded, tick.dead, notes.in_queue()) == (2, 1, (0, 0))
        send(notes, "poison.txt")
        assert notes.reader(max_receives=1).tick(wait_s=0).dead == 1
    assert letters(notes) == ["not-recorded", "not-recorded"]


def test_messages_that_the_catalog_refuses_for_their_own_data_are_dead_also_where_no_other_is_there(
    notes: Notified,
) -> None:
    send(notes, "poison.txt", "venom.txt")
    with refusing(notes, "poison.txt", "venom.txt"):
        assert notes.reader(max_receives=1).tick(wait_s=0).dead == 2
    assert (letters(notes), notes.in_queue()) == (["not-recorded", "not-recorded"], (0, 0))


def test_a_catalog_that_takes_no_writes_is_away_and_uses_up_no_receives(notes: Notified) -> None:
    send(notes, "a.txt")
    standby = Catalog(f"{notes.database_url}?options=-c%20default_transaction_read_only%3Don")
    with pytest.raises(DependencyUnavailable):
        notes.reader(catalog=standby).tick(wait_s=0)
    standby.close()
    received = notes.aws.of("sqs").receive_message(
        QueueUrl=notes.queue_url, MessageSystemAttributeNames=["ApproximateReceiveCount"]
    )
    assert received["Messages"][0]["Attributes"]["ApproximateReceiveCount"] == "1"


def test_a_collection_that_cannot_record_one_message_takes_nothing_from_another(
    notified: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    notified.declare("law", statutes={"bucket": "landing"})
    notified.declare("notes", landing={})
    send(notified, "poison.txt", "a.txt")
    monkeypatch.setattr(
        notified.catalog.queues, "record", _failing(notified.catalog, lambda keys: "poison.txt" in keys)
    )
    tick = notified.reader().tick(wait_s=0)
    assert (tick.recorded, tick.undone) == (3, 1)
    assert sorted(notified.arrivals("law")) == [("a.txt", "present"), ("poison.txt", "present")]
    assert notified.arrivals("notes") == [("a.txt", "present")]
    states = {**notified.catalog.queues.states("law"), **notified.catalog.queues.states("notes")}
    assert {name: state.messages for name, state in states.items()} == {"statutes": 2, "landing": 1}


def test_trying_messages_alone_looks_at_nothing_again_beats_and_ends_in_time(
    notes: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s, beats = [0.0], [0]
    looked: list[str] = []
    look = ObjectHints.look

    def looking(self: ObjectHints, place: Any) -> Any:
        looked.append(place.key)
        return look(self, place)

    def fails(keys: set[str]) -> bool:
        now_s[0] += 20
        return len(keys) > 1

    def beat() -> None:
        beats[0] += 1

    monkeypatch.setattr(ObjectHints, "look", looking)
    monkeypatch.setattr(notes.catalog.queues, "record", _failing(notes.catalog, fails))
    keys = [f"{n}.txt" for n in range(5)]
    send(notes, *keys)
    tick = notes.reader(clock_s=lambda: now_s[0], beat=beat, max_receives=1).tick(wait_s=0)
    assert (tick.recorded, tick.undone, tick.dead) == (2, 3, 0)
    assert sorted(looked) == keys
    assert beats[0] >= len(keys)


class AskedInVain(SqsQueue):
    """A queue that does not say whether it has a redrive policy."""

    answer: type[DependencyUnavailable] = DependencyUnavailable

    def has_redrive_policy(self) -> bool:
        raise self.answer("No.", dependency="SQS")


class Refusing(AskedInVain):
    """A queue whose role may not look at it."""

    answer = AwsRefused


@pytest.mark.parametrize(("queue", "dead"), [(AskedInVain, 0), (Refusing, 1)])
def test_nothing_is_called_dead_before_the_queue_said_that_it_has_no_redrive_policy(
    notes: Notified, queue: Callable[[str], SqsQueue], dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes.catalog.queues, "record", _failing(notes.catalog, lambda keys: "poison.txt" in keys))
    send(notes, "poison.txt")
    tick = notes.reader(queue=queue(notes.queue_url), max_receives=1).tick(wait_s=0)
    assert (tick.dead, tick.undone) == (dead, 1 - dead)


def test_a_refusal_of_aws_is_told_from_an_outage(notes: Notified) -> None:
    notes.aws.faults["/"] = 403
    with pytest.raises(AwsRefused, match="403"):
        SqsQueue(notes.queue_url).has_redrive_policy()


def _failing(catalog: Catalog, fails: Callable[[set[str]], bool]) -> Callable[..., Any]:
    record = catalog.queues.record

    def fail(collection: str, seen: Any, **more: Any) -> Any:
        keys = {each.key for found in seen.values() for each in found}
        if collection == "notes" and keys and fails(keys):
            raise InvalidRequest("They cannot be recorded.")
        return record(collection, seen, **more)

    return fail
