"""Sending what waits in the outbox: each message until a broker has acknowledged it, in the order of its writing."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rag_core.errors import DependencyUnavailable
from rag_core.kafka import Kafka
from rag_core.messages.outgoing import ID_HEADER, LEFT_OUT_HEADER
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import OutboxMessage
from resources.clients.kafka.connecting import close_producer, connection, translating, without_creating_topics

_AT_ONCE = 500
_BLOCK_S = 10.0
_ACKNOWLEDGED_S = 30.0
_LONGEST_HEADER_BYTES = 1000
_log = logging.getLogger("rag.outbox")


class OutboxSender:
    """Sends one collection's waiting messages; of several senders one does, the others return at once."""

    def __init__(
        self, catalog: Catalog, *, collection: str, kafka: Kafka, environ: Mapping[str, str] | None = None
    ) -> None:
        self._catalog = catalog
        self._collection = collection
        self._connection = connection(kafka, environ)
        self._producer: Any = None
        self._there: set[str] = set()

    def send_waiting(self, *, max_s: float) -> int:
        """Send for ``max_s`` at most; return how many were acknowledged. Raises ``DependencyUnavailable``."""
        if not self._catalog.outbox.waiting(self._collection):
            return 0
        sent, ends_s = 0, time.monotonic() + max_s
        stuck: set[str] = set()
        with self._catalog.outbox.turn(self._collection) as turn:
            while turn is not None and (waiting := turn.oldest(_AT_ONCE, without=stuck)):
                topics = {message.topic for _, message in waiting}
                stuck |= topics - self._usable(topics)
                able = [(number, message) for number, message in waiting if message.topic not in stuck]
                if able:
                    self._send(able)
                    turn.acknowledged([number for number, _ in able])
                    sent += len(able)
                if time.monotonic() >= ends_s:
                    break
        if stuck:
            _log.warning("messages of %s wait for topics that are not there: %s", self._collection, sorted(stuck))
        return sent

    def close(self) -> None:
        """Close the connection; batches under way are given up, for they wait in the outbox, too."""
        producer, self._producer = self._producer, None
        self._there.clear()  # a topic may be gone since: it is looked for again, and made
        if producer is not None:
            close_producer(producer, timeout_s=2)

    def _send(self, waiting: Sequence[tuple[int, OutboxMessage]]) -> None:
        """Return once all are acknowledged; a message that is too large for the brokers goes with less in it."""
        from kafka.errors import MessageSizeTooLargeError

        try:
            with translating("send", self._connection):
                begun = [(number, message, self._begin(number, message)) for number, message in waiting]
                for number, message, future in begun:
                    try:
                        if future is not None:
                            future.get(timeout=_ACKNOWLEDGED_S)
                            continue
                    except MessageSizeTooLargeError:
                        pass
                    self._send_less(number, message)
        except DependencyUnavailable:
            self.close()  # an idempotent producer whose batches expired does not recover
            raise

    def _send_less(self, number: int, message: OutboxMessage) -> None:
        from kafka.errors import MessageSizeTooLargeError

        for less in (_without_value(message), _place_alone(message)):
            future = self._begin(number, less)
            try:
                if future is not None:
                    future.get(timeout=_ACKNOWLEDGED_S)
                    return
            except MessageSizeTooLargeError:
                continue
        _log.error(
            "message %d of %s is too large for its topic %s, whatever is left out of it; it is not sent",
            number,
            self._collection,
            message.topic,
        )

    def _begin(self, number: int, message: OutboxMessage) -> Any:
        """Return what will say that the message is acknowledged; None where the producer finds it too large."""
        from kafka.errors import MessageSizeTooLargeError

        headers = [(name, value or b"") for name, value in message.headers]
        if not any(name == ID_HEADER for name, _ in headers):
            headers.append((ID_HEADER, f"{self._collection}/{number}".encode()))
        # A message with neither key nor value is refused; it would stop all that waits behind it.
        value = b"" if message.key is None and message.value is None else message.value
        try:
            return self._opened().send(message.topic, key=message.key, value=value, headers=headers)
        except MessageSizeTooLargeError:
            return None

    def _usable(self, topics: set[str]) -> set[str]:
        """Return those of the topics that are there; one that is not is made, with the brokers' own defaults."""
        from kafka.admin import KafkaAdminClient, NewTopic
        from kafka.errors import KafkaError

        unknown = topics - self._there
        if not unknown:
            return topics
        with translating("describe topics", self._connection):
            admin = without_creating_topics(KafkaAdminClient(**self._connection))
            try:
                for name in sorted(unknown - _there_of(admin, unknown)):
                    try:
                        admin.create_topics([NewTopic(name, num_partitions=-1, replication_factor=-1)])
                    except KafkaError as error:
                        _log.warning("topic %s could not be made: %s", name, error)
                self._there |= _there_of(admin, unknown)
            finally:
                admin.close()
        return topics & self._there

    def _opened(self) -> Any:
        if self._producer is None:
            from kafka import KafkaProducer

            with translating("connect", self._connection):
                producer = KafkaProducer(
                    **self._connection,
                    acks="all",
                    linger_ms=5,
                    metrics_enabled=False,
                    max_block_ms=int(_BLOCK_S * 1000),
                    delivery_timeout_ms=int(_ACKNOWLEDGED_S * 1000),
                )
            self._producer = without_creating_topics(producer)
        return self._producer


def _without_value(message: OutboxMessage) -> OutboxMessage:
    """Return a message that says how large its value was instead of holding it."""
    said = f"left out: {len(message.value or b'')} bytes, more than the brokers take".encode()
    headers = tuple((name, value) for name, value in message.headers if name != LEFT_OUT_HEADER)
    return OutboxMessage(topic=message.topic, key=message.key, value=None, headers=(*headers, (LEFT_OUT_HEADER, said)))


def _place_alone(message: OutboxMessage) -> OutboxMessage:
    """Return a message without key and value, and of the headers ours alone, each of bounded length."""
    ours = tuple(
        (name, value and value[:_LONGEST_HEADER_BYTES])
        for name, value in _without_value(message).headers
        if name.startswith("rag-")
    )
    return OutboxMessage(topic=message.topic, key=None, value=None, headers=ours)


def _there_of(admin: Any, topics: set[str]) -> set[str]:
    return {each["name"] for each in admin.describe_topics(sorted(topics)) if not each["error_code"]}
