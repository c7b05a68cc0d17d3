"""``python -m sensors.listener``: reads the streams, so that a message is not left waiting for a sensor, and sends.

It does what the sensors of the streams do, in a loop that waits at the brokers: a message is recorded when it comes,
and an idle topic costs nothing. Whatever it misses the sensors find; both at once do no harm. What waits in the outbox
is sent as soon as it is written. It ends by itself, with exit code 0, when a collection file changes: its supervisor
starts it anew.
"""

import logging
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing
from threading import Event, Thread

from rag_core.errors import DependencyUnavailable, RagError
from resources.clients.collection_files import LoadedCollection, usable_collections
from sensors.connections import shared_catalog
from sensors.consuming import StreamConsumer
from sensors.saying import say
from sensors.stream_troubles import noting_trouble
from sensors.streams import open_sender, open_stream
from sensors.watcher import stamp_of

WAIT_S = 15.0
TICK_S = 30.0
_SEND_S = 30.0
_LOOK_AT_FILES_S = 2.0
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0
_SAID_AGAIN_S = 60.0
_STOPPED_S = 15.0
"""How long to leave a stream alone that waits for a person."""


def main() -> int:
    """Listen until SIGTERM or SIGINT, or until a collection file changes."""
    from resources.clients.settings import load_settings

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.getLogger("kafka").setLevel(logging.ERROR)
    for handler in logging.getLogger().handlers:
        # Our errors say what kafka-python says: its own lines are heard for that, and would only be there twice.
        handler.addFilter(lambda record: record.name.partition(".")[0] != "kafka")
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    folder = load_settings().collections
    declared = stamp_of(folder)
    usable, problems = usable_collections(folder)
    for problem in problems:
        say("not usable", level=logging.ERROR, problem=str(problem))
    works = list(works_of(usable, stop))
    say("listening", streams=[name for name, _ in works])
    for name, work in works:
        # Daemons: they may wait at a broker for a while yet, and nothing is lost with them.
        Thread(target=work, name=name, daemon=True).start()
    while not stop.wait(_LOOK_AT_FILES_S):
        if stamp_of(folder) != declared:
            say("ended", reason="the collection files changed")
            return 0
    say("ended", reason="asked to stop")
    return 0


def works_of(collections: Sequence[LoadedCollection], stop: Event) -> list[tuple[str, Callable[[], None]]]:
    """Return what the listener does, each for a thread of its own: reading every stream, sending every outbox."""
    works: list[tuple[str, Callable[[], None]]] = []
    for loaded in collections:
        if loaded.collection.kafka is None:
            continue
        name = loaded.collection.name
        for stream in loaded.collection.streams:
            listening = Listening(loaded, stream.name, stop=stop)
            works.append((f"{name}/{stream.name}", listening.run))
        works.append((f"{name}/outbox", Sending(loaded, stop=stop).run))
    return works


class Listening:
    """Reads one stream until ``stop`` is set; whatever fails is tried again later, with growing pauses."""

    def __init__(self, loaded: LoadedCollection, stream: str, *, stop: Event) -> None:
        self._loaded = loaded
        self._stream = stream
        self._stop = stop

    def run(self) -> None:
        """Read until stopped."""
        pausing = Pausing(self._stop, collection=self._loaded.collection.name, stream=self._stream)
        kafka = self._loaded.collection.kafka
        while kafka is not None and not self._stop.is_set():
            try:
                with (
                    noting_trouble(shared_catalog, self._loaded.collection.name, self._stream),
                    closing(open_stream(self._loaded, kafka.stream(self._stream), shared_catalog())) as consumer,
                ):
                    while not self._stop.is_set():
                        self._tick(consumer)
                        pausing.over()
            except Exception as error:  # noqa: BLE001 - a defect must not end the listening unseen
                pausing.after(error)

    def _tick(self, consumer: StreamConsumer) -> None:
        tick = consumer.tick(max_s=TICK_S, wait_s=WAIT_S)
        if tick.read or tick.notes:
            say("read", collection=self._loaded.collection.name, tick=tick.described())
        if tick.stops:
            self._stop.wait(_STOPPED_S)
        elif tick.absent and not tick.read:
            self._stop.wait(_SHORTEST_PAUSE_S)


class Sending:
    """Sends one collection's outbox until ``stop`` is set."""

    def __init__(self, loaded: LoadedCollection, *, stop: Event) -> None:
        self._loaded = loaded
        self._stop = stop

    def run(self) -> None:
        """Send until stopped."""
        name = self._loaded.collection.name
        pausing = Pausing(self._stop, collection=name, stream="outbox")
        while not self._stop.is_set():
            try:
                catalog = shared_catalog()
                with closing(open_sender(self._loaded, catalog)) as sender:
                    while not self._stop.is_set():
                        if catalog.outbox.wait(name, timeout_s=WAIT_S) and not sender.send_waiting(max_s=_SEND_S):
                            self._stop.wait(1.0)  # another sender has the turn
                        pausing.over()
            except Exception as error:  # noqa: BLE001 - a defect must not end the sending unseen
                pausing.after(error)


class Pausing:
    """Pauses that grow while something fails; a reason is said when it is new, and now and then while it lasts."""

    def __init__(self, stop: Event, *, collection: str, stream: str) -> None:
        self._stop = stop
        self._collection = collection
        self._stream = stream
        self._pause_s = 0.0
        self._said = ""
        self._said_at_s = 0.0

    def over(self) -> None:
        """Begin with the shortest pause again, and say so where a trouble was said."""
        if self._said:
            self._say("goes on")
        self._pause_s = 0.0
        self._said = ""

    def after(self, error: Exception) -> None:
        """Wait after an error; a defect is said with its traceback."""
        self._pause_s = min(_LONGEST_PAUSE_S, max(_SHORTEST_PAUSE_S, 2 * self._pause_s))
        level = logging.WARNING if isinstance(error, DependencyUnavailable) else logging.ERROR
        reason = str(error) if isinstance(error, RagError) else "".join(traceback.format_exception(error))
        if reason != self._said or time.monotonic() - self._said_at_s >= _SAID_AGAIN_S:
            self._say("waiting", level=level, reason=reason, again_in_s=self._pause_s)
            self._said, self._said_at_s = reason, time.monotonic()
        self._stop.wait(self._pause_s)

    def _say(self, event: str, *, level: int = logging.INFO, **fields: object) -> None:
        say(event, level=level, collection=self._collection, stream=self._stream, **fields)


if __name__ == "__main__":
    sys.exit(main())
