"""Sending what a source has, to its end or until asked to end, and telling what was done."""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass

from local_stack.producing.event_stream import EventStream
from local_stack.producing.json_lines import message_of, too_large
from local_stack.producing.keys import KeyOf
from local_stack.producing.outgoing import BadInput, Item, LeftOut, Outgoing
from local_stack.producing.pacing import Pace
from local_stack.producing.sender import Sender
from local_stack.producing.server_sent_events import ServerSentEvent
from local_stack.producing.stopping import Stop
from local_stack.producing.tally import Followed, Produced, Tally
from local_stack.producing.target import Target
from rag_core.errors import InvalidRequest

_SEEN_EVERY_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOptions:
    """How to send: ``per_s`` of 0 is as fast as possible, a ``limit`` of None sends everything.

    ``seen`` gets how many messages were acknowledged, and their bytes.
    """

    give_up_after_s: float
    skip_bad: bool = False
    per_s: float = 0.0
    limit: int | None = None
    seen: Callable[[int, int], None] = lambda *_: None


class _Work:
    """What sending from any source has in common."""

    def __init__(self, target: Target, options: SendOptions, stop: Stop) -> None:
        self.stop = stop
        self._target = target
        self._options = options
        self._begun_s = time.monotonic()
        self._seen_s = 0.0
        self.tally = Tally(skip_bad=options.skip_bad)
        self.sender = Sender(target, stop=stop, give_up_after_s=options.give_up_after_s, refused=self.tally.count_bad)
        self._left = options.limit

    @property
    def is_enough(self) -> bool:
        """Whether nothing more is to be sent."""
        return self.stop.is_asked or self._left == 0

    def take(self, item: Item) -> Outgoing | None:
        """Return the message to send; what is none is counted, or raised."""
        match item:
            case BadInput():
                self.tally.count_bad(item)
            case LeftOut():
                self.tally.count_left_out(item)
            case Outgoing():
                self._left = None if self._left is None else self._left - 1
                return item
        return None

    def show(self) -> None:
        """Show how far it is, now and then."""
        now_s = time.monotonic()
        if now_s - self._seen_s >= _SEEN_EVERY_S:
            self._seen_s = now_s
            self._options.seen(self.sender.acknowledged, self.sender.acknowledged_bytes)

    def produced(self, followed: EventStream | None = None) -> Produced:
        """Return what was done."""
        sender, tally = self.sender, self.tally
        self._options.seen(sender.acknowledged, sender.acknowledged_bytes)
        return Produced(
            topic=self._target.topic,
            partitions=self._target.partitions,
            messages=sender.acknowledged,
            bytes=sender.acknowledged_bytes,
            seconds=time.monotonic() - self._begun_s,
            last_offsets=dict(sorted(sender.last_offsets.items())),
            sent_again=sender.sent_again,
            bad=tally.bad,
            left_out=tally.left_out,
            named=tuple(tally.named),
            was_stopped=self.stop.is_asked,
            followed=None
            if followed is None
            else Followed(last_event_id=sender.last_mark, reconnects=followed.reconnects, repeats=followed.repeats),
        )


def send_all(items: Iterable[Item], target: Target, options: SendOptions, stop: Stop) -> Produced:
    """Send every message in its order and return when all are acknowledged.

    Raises ``InvalidRequest`` for bad input, after everything before it was acknowledged; ``DependencyUnavailable``.
    """
    work = _Work(target, options, stop)
    pace = Pace(options.per_s)
    try:
        try:
            for item in items:
                if work.is_enough:
                    break
                message = work.take(item)
                if message is not None:
                    pace.wait(stop)
                    work.sender.send((message,))
                work.show()
        except InvalidRequest as error:
            work.sender.finish()
            raise _with_count(error, work.sender) from error
        work.sender.finish()
        return work.produced()
    finally:
        work.sender.close()


def follow(stream: EventStream, target: Target, options: SendOptions, stop: Stop, *, key_of: KeyOf) -> Produced:
    """Send the events of a stream as they come, until asked to end; return when all are acknowledged.

    Raises as ``send_all`` does, and what ``EventStream.events`` raises.
    """
    work = _Work(target, options, stop)
    try:
        try:
            asyncio.run(_follow(stream, work, target, key_of))
        except InvalidRequest as error:
            work.sender.finish()
            raise _with_count(error, work.sender) from error
        work.sender.finish()
        return work.produced(stream)
    finally:
        stop.when_asked = lambda: None
        work.sender.close()


async def _follow(stream: EventStream, work: _Work, target: Target, key_of: KeyOf) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    work.stop.when_asked = lambda: loop.call_soon_threadsafe(stopped.set)
    if work.stop.is_asked:
        return
    async with aclosing(stream.events(stopped)) as batches:
        async for events in batches:
            # On a thread, so that a signal is heard while a slow broker holds this up.
            await asyncio.to_thread(_send_events, events, work, target, key_of)
            if work.is_enough:
                stopped.set()


def _send_events(events: list[ServerSentEvent], work: _Work, target: Target, key_of: KeyOf) -> None:
    for event in events:
        if work.is_enough and not work.stop.is_asked:
            return
        mark = event.id.decode("utf-8", "replace")
        where = f"event {mark}" if mark else "an event"
        if event.data is None:
            item: Item = too_large(where, target.max_message_bytes)
        else:
            item = message_of(event.data, where=where, key_of=key_of, mark=mark)
        message = work.take(item)
        if message is not None:
            work.sender.send((message,))
    work.show()


def _with_count(error: InvalidRequest, sender: Sender) -> InvalidRequest:
    """Return the error with what was sent before it, and where to go on."""
    behind = f" --last-event-id '{sender.last_mark}' goes on behind the last one." if sender.last_mark else ""
    sent = f" {sender.acknowledged} messages before it are sent and acknowledged." if sender.acknowledged else ""
    return InvalidRequest(f"{error.message}{sent}", remedy=f"{error.remedy}{behind}")
