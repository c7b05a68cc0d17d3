"""Sending until a broker has acknowledged it: in order, bounded in memory, over outages of the brokers.

1. A message is kept from before it is handed to kafka-python until its acknowledgement: no outage loses it.
2. After a failure nothing more is sent until every message under way has ended: none can overtake those sent again.
3. An idempotent producer whose batches expired does not recover: another one takes its place.
4. It sends again from the first message that failed on, acknowledged ones among them: a key's newest stays its last.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from local_stack.producing.json_lines import too_large
from local_stack.producing.outgoing import BadInput, Outgoing
from local_stack.producing.stopping import Stop
from local_stack.producing.target import Target
from rag_core.errors import DependencyUnavailable, InvalidRequest
from resources.clients.kafka.connecting import close_producer, translating, without_creating_topics

MAX_UNDER_WAY = 20_000
MAX_UNDER_WAY_BYTES = 32 * 1024 * 1024
_REQUEST_S = 10.0
_DELIVERY_S = 15.0
_LINGER_S = 0.005
_BATCH_BYTES = 128 * 1024
_LOOK_EVERY_S = 0.2
_AFTER_STOP_S = 20.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 5.0
_log = logging.getLogger("rag.produce")


class Sender:
    """Sends messages to one topic; used by one thread at a time."""

    def __init__(
        self, target: Target, *, stop: Stop, give_up_after_s: float, refused: Callable[[BadInput], None]
    ) -> None:
        """``refused`` hears of messages that no broker takes; what it raises goes to the caller."""
        self._target = target
        self._stop = stop
        self._give_up_after_s = give_up_after_s
        self._refused = refused
        self._producer: Any = None
        self._waiting: deque[Outgoing] = deque()
        self._under_way: deque[tuple[Outgoing, Any]] = deque()
        self._under_way_bytes = 0
        self._away_since_s: float | None = None
        self._failures = 0
        self.acknowledged = 0
        self.acknowledged_bytes = 0
        self.sent_again = 0
        self.last_offsets: dict[int, int] = {}
        self.last_mark = ""

    def send(self, messages: Sequence[Outgoing]) -> None:
        """Return when all are handed over, which waits while too many are not acknowledged.

        Raises ``DependencyUnavailable`` where no broker answers for too long, or the end is asked for at once;
        ``InvalidRequest`` where the brokers do not allow it.
        """
        self._waiting.extend(messages)
        self._push(until_acknowledged=False)

    def finish(self) -> None:
        """Return when everything is acknowledged; raises as ``send`` does."""
        self._push(until_acknowledged=True)

    def close(self) -> None:
        """Close the connections; what is not acknowledged may or may not arrive."""
        producer, self._producer = self._producer, None
        if producer is not None:
            close_producer(producer, timeout_s=2)

    def _push(self, *, until_acknowledged: bool) -> None:
        from kafka.errors import KafkaError

        while True:
            try:
                while self._waiting:
                    self._make_room()
                    self._begin(self._waiting[0])
                    self._waiting.popleft()
                self._settle()
                while until_acknowledged and self._under_way:
                    self._await_oldest()
            except KafkaError as error:
                self._start_over(error)
            else:
                return

    def _begin(self, message: Outgoing) -> None:
        from kafka.errors import MessageSizeTooLargeError

        if message.key is None and self._target.needs_keys:
            problem = "It has no key, and the topic is compacted."
            self._refuse(BadInput(where=message.where, problem=problem, remedy="Give the messages keys (--key)."))
            return
        try:
            future = self._opened().send(self._target.topic, key=message.key, value=message.value)
        except MessageSizeTooLargeError:
            self._refuse(too_large(message.where, self._target.max_message_bytes))
            return
        self._under_way.append((message, future))
        self._under_way_bytes += _size(message)

    def _refuse(self, found: BadInput) -> None:
        """Tell of the oldest waiting message; where that is an error, nothing behind it is sent."""
        try:
            self._refused(found)
        except InvalidRequest:
            self._waiting.clear()
            raise

    def _make_room(self) -> None:
        self._settle()
        while len(self._under_way) >= MAX_UNDER_WAY or self._under_way_bytes > MAX_UNDER_WAY_BYTES:
            self._await_oldest()

    def _settle(self) -> None:
        """Count what has been acknowledged, oldest first, up to the first that has not."""
        while self._under_way and self._under_way[0][1].is_done:
            self._end_oldest()

    def _await_oldest(self) -> None:
        from kafka.errors import KafkaTimeoutError

        _, future = self._under_way[0]
        while not future.is_done:
            with suppress(KafkaTimeoutError):  # of this wait, or of the message itself: the next line tells
                future.get(timeout=_LOOK_EVERY_S)
            if not future.is_done and self._stop.is_at_once:
                raise self._given_up("it was to end at once")
        self._end_oldest()

    def _end_oldest(self) -> None:
        from kafka.errors import MessageSizeTooLargeError

        message, future = self._under_way[0]
        if isinstance(future.exception, MessageSizeTooLargeError):
            self._forget_oldest()
            self._refused(too_large(message.where, self._target.max_message_bytes))
            return
        if future.exception is not None:
            raise future.exception
        self._forget_oldest()
        self._away_since_s, self._failures = None, 0
        self.acknowledged += 1
        self.acknowledged_bytes += _size(message)
        self.last_mark = message.mark or self.last_mark
        self.last_offsets[future.value.partition] = future.value.offset

    def _forget_oldest(self) -> None:
        message, _ = self._under_way.popleft()
        self._under_way_bytes -= _size(message)

    def _start_over(self, error: Exception) -> None:
        """Wait for what is under way, then let another producer send from the first failure on."""
        _raise_if_final(error, self._target)
        if self._away_since_s is None:
            _log.warning("Kafka takes no messages now, trying again: %s", error)
        now_s = time.monotonic()
        self._away_since_s = now_s if self._away_since_s is None else self._away_since_s
        self._failures += 1
        self._let_all_end()
        self.close()
        self.sent_again += len(self._under_way)
        self._waiting.extendleft(message for message, _ in reversed(self._under_way))
        self._under_way.clear()
        self._under_way_bytes = 0
        patience_s = min(self._give_up_after_s, _AFTER_STOP_S) if self._stop.is_asked else self._give_up_after_s
        if time.monotonic() - self._away_since_s >= patience_s:
            raise self._given_up(str(error)) from error
        wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(self._failures - 1, 8))
        self._stop.sleep_on(wait_s)
        if self._stop.is_at_once:
            raise self._given_up("it was to end at once") from error

    def _let_all_end(self) -> None:
        from kafka.errors import KafkaError

        ends_s = time.monotonic() + _DELIVERY_S + _REQUEST_S
        for _, future in self._under_way:
            while not future.is_done and time.monotonic() < ends_s and not self._stop.is_at_once:
                with suppress(KafkaError):
                    future.get(timeout=_LOOK_EVERY_S)

    def _given_up(self, why: str) -> DependencyUnavailable:
        left = len(self._waiting) + len(self._under_way)
        behind = f" The last acknowledged event is --last-event-id '{self.last_mark}'." if self.last_mark else ""
        return DependencyUnavailable(
            f"Kafka at {', '.join(self._target.servers)} took {self.acknowledged} messages; {left} more were not "
            f"acknowledged: {why}.",
            dependency="kafka",
            remedy=f"Send them again when it answers: a repeated message makes no second document.{behind}",
        )

    def _opened(self) -> Any:
        if self._producer is None:
            from kafka import KafkaProducer
            from kafka.errors import KafkaTimeoutError

            settings: dict[str, Any] = {**self._target.connection, "request_timeout_ms": int(_REQUEST_S * 1000)}
            try:
                with translating("connect", self._target.connection):
                    producer = KafkaProducer(
                        **settings,
                        acks="all",
                        enable_idempotence=True,
                        linger_ms=int(_LINGER_S * 1000),
                        batch_size=min(_BATCH_BYTES, self._target.max_message_bytes),
                        max_request_size=self._target.max_message_bytes,
                        max_block_ms=int(_REQUEST_S * 1000),
                        delivery_timeout_ms=int(_DELIVERY_S * 1000),
                    )
            except DependencyUnavailable as error:
                raise KafkaTimeoutError(error.message) from error
            self._producer = without_creating_topics(producer)
        return self._producer


def _size(message: Outgoing) -> int:
    return len(message.value) + len(message.key or b"")


def _raise_if_final(error: Exception, target: Target) -> None:
    """Raise ``InvalidRequest`` for what no waiting and no other producer changes."""
    from kafka import errors

    final = (
        errors.AuthorizationError,
        errors.InvalidTopicError,
        errors.InvalidRecordError,
        errors.InvalidTimestampError,
        errors.PolicyViolationError,
        errors.UnsupportedVersionError,
        errors.UnsupportedCompressionTypeError,
    )
    if isinstance(error, final):
        raise InvalidRequest(
            f"The brokers refuse messages for {target.topic}: {error}.",
            remedy="Ask for the right to write to the topic (and to write idempotently), or correct its settings.",
        ) from error
