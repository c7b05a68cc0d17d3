"""Sending what waits in the outbox: each message until a broker has acknowledged it, in the order of its writing."""

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from rag_core.errors import DependencyUnavailable
from rag_core.kafka import Kafka
from rag_core.messages.outgoing import ID_HEADER, LEFT_OUT_HEADER
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import OutboxMessage
from resources.clients.kafka.connecting import connection, translating

_AT_ONCE = 500
_BLOCK_S = 10.0
_ACKNOWLEDGED_S = 30.0
_log = logging.getLogger("rag.outbox")


class OutboxSender:
    """Sends one collection's waiting messages; of several senders one does, the others return at once."""

    def __init__(
        self, catalog: Catalog, *, collection: str, kafka: Kafka, environ: Mapping[str, str] | None = None
    ) -> None:
        self._catalog = catalog
        self._collection = collection
        self._connection = connection(kafka, environ)
        self._servers: list[str] = self._connection["bootstrap_servers"]
        self._producer: Any = None
        self._made: set[str] = set()

    def send_waiting(self, *, max_s: float) -> int:
        """Send for ``max_s`` at most; return how many were acknowledged. Raises ``DependencyUnavailable``."""
        if not self._catalog.outbox.waiting(self._collection):
            return 0
        sent, ends_s = 0, time.monotonic() + max_s
        with self._catalog.outbox.turn(self._collection) as turn:
            while turn is not None and (waiting := turn.oldest(_AT_ONCE)):
                self._send(waiting)
                turn.acknowledged([number for number, _ in waiting])
                sent += len(waiting)
                if time.monotonic() >= ends_s:
                    break
        return sent

    def close(self) -> None:
        """Close the connection; batches under way are given up, for they wait in the outbox, too."""
        from kafka.errors import KafkaError

        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError):
                producer.close(timeout=2)

    def _send(self, waiting: Sequence[tuple[int, OutboxMessage]]) -> None:
        """Return once all are acknowledged; a message that no broker takes goes without its value."""
        from kafka.errors import MessageSizeTooLargeError

        self._make_topics({message.topic for _, message in waiting})
        try:
            with translating("send", self._servers):
                begun = [(number, message, self._begin(number, message)) for number, message in waiting]
                for number, message, future in begun:
                    try:
                        future.get(timeout=_ACKNOWLEDGED_S)
                    except MessageSizeTooLargeError:
                        self._begin(number, _without_value(message)).get(timeout=_ACKNOWLEDGED_S)
        except DependencyUnavailable:
            self.close()  # an idempotent producer whose batches expired does not recover
            raise

    def _begin(self, number: int, message: OutboxMessage) -> Any:
        from kafka.errors import MessageSizeTooLargeError

        headers = [(name, value or b"") for name, value in message.headers]
        headers.append((ID_HEADER, f"{self._collection}/{number}".encode()))
        producer = self._opened()
        try:
            # A message with neither key nor value is refused; it would stop all that waits behind it.
            value = b"" if message.key is None and message.value is None else message.value
            return producer.send(message.topic, key=message.key, value=value, headers=headers)
        except MessageSizeTooLargeError:
            return self._begin(number, _without_value(message))

    def _make_topics(self, topics: set[str]) -> None:
        """Make topics that are not there, with the brokers' defaults; brokers may forbid it, or do it themselves."""
        from kafka.admin import KafkaAdminClient, NewTopic
        from kafka.errors import KafkaError

        unknown = topics - self._made
        if not unknown:
            return
        with translating("describe topics", self._servers):
            admin: Any = KafkaAdminClient(**self._connection)
            try:
                there = {each["name"] for each in admin.describe_topics(sorted(unknown)) if not each["error_code"]}
                for name in sorted(unknown - there):
                    try:
                        admin.create_topics([NewTopic(name, num_partitions=-1, replication_factor=-1)])
                    except KafkaError as error:
                        _log.warning("topic %s could not be made: %s", name, error)
            finally:
                admin.close()
        self._made |= unknown

    def _opened(self) -> Any:
        if self._producer is None:
            from kafka import KafkaProducer

            with translating("connect", self._servers):
                self._producer = KafkaProducer(
                    **self._connection,
                    acks="all",
                    linger_ms=5,
                    metrics_enabled=False,
                    max_block_ms=int(_BLOCK_S * 1000),
                    delivery_timeout_ms=int(_ACKNOWLEDGED_S * 1000),
                )
        return self._producer


def _without_value(message: OutboxMessage) -> OutboxMessage:
    """Return a message that says how large its value was instead of holding it."""
    said = f"left out: {len(message.value or b'')} bytes, more than the brokers take".encode()
    headers = tuple((name, value) for name, value in message.headers if name != LEFT_OUT_HEADER)
    return OutboxMessage(topic=message.topic, key=message.key, value=None, headers=(*headers, (LEFT_OUT_HEADER, said)))
