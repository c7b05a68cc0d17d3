"""A broker that dies under the producer: every message arrives, each key's in order, or it is said which did not."""

import threading
from pathlib import Path

import pytest

from local_stack.producing import sender as sending
from local_stack.producing.outgoing import BadInput, Outgoing
from local_stack.producing.sender import Sender
from local_stack.producing.stopping import Stop
from local_stack.producing.target import Target, chosen_target
from rag_core.errors import DependencyUnavailable
from resources.clients.settings import Settings
from tests.services.kafka import KafkaBroker
from tests.services.loopback import wait_until


def refuse(found: BadInput) -> None:
    raise AssertionError(found)


def messages(first: int, last: int) -> list[Outgoing]:
    return [
        Outgoing(key=f"{number % 10}".encode(), value=f"{number}".encode(), where=str(number), mark=str(number))
        for number in range(first, last)
    ]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches expire after two seconds instead of fifteen, so that an outage outlasts them."""
    monkeypatch.setattr(sending, "_REQUEST_S", 1.0)
    monkeypatch.setattr(sending, "_DELIVERY_S", 2.0)
    monkeypatch.setattr("resources.clients.kafka.connecting.BOOTSTRAP_S", 1.0)


@pytest.mark.usefixtures("impatient")
def test_an_outage_longer_than_a_producer_lives_loses_nothing_and_keeps_each_keys_order(tmp_path: Path) -> None:
    with KafkaBroker(properties={"broker.session.timeout.ms": "3000"}) as broker:
        topic = broker.create_topic(partitions=3)
        target = target_of(broker, topic, home=tmp_path)
        sender = Sender(target, stop=Stop(), give_up_after_s=120, refused=refuse)
        sender.send(messages(0, 1000))
        sender.finish()
        broker.kill9()
        thread = threading.Thread(target=lambda: (sender.send(messages(1000, 3000)), sender.finish()))
        thread.start()
        wait_until(lambda: sender.sent_again > 0, what="the first producer to be replaced")
        broker.start()
        thread.join(120)
        sender.close()
        found: dict[bytes, list[int]] = {}
        for record in sorted(broker.read_all(topic), key=lambda each: each.offset):
            found.setdefault(record.key or b"", []).append(int(record.value or b""))
        assert sender.acknowledged == 3000
        for key, numbers in found.items():
            assert sorted(set(numbers)) == list(range(int(key), 3000, 10))
            assert numbers[-1] == max(numbers)

        broker.kill9()
        lost = Sender(target, stop=Stop(), give_up_after_s=0, refused=refuse)
        with pytest.raises(DependencyUnavailable, match="took 0 messages; 10 more were not acknowledged") as said:
            lost.send(messages(0, 10))
        assert "Send them again" in said.value.remedy
        lost.close()


def target_of(broker: KafkaBroker, topic: str, *, home: Path) -> Target:
    settings = Settings(home=home, kafka=broker.bootstrap)  # pyright: ignore[reportCallIssue] - the rest has defaults
    return chosen_target(settings, topic=topic, bootstrap=None, collection=None, partitions=None)
