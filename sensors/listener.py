"""``python -m sensors.listener``: reads streams and queues, so that nothing is left waiting for a sensor, and sends.

It does what the sensors of the streams do, in a loop that waits at the brokers: a message is recorded when it comes,
and an idle topic costs nothing. Whatever it misses the sensors find; both at once do no harm. Queues of buckets' events
are read here alone, once each however many sources share one; what they miss the sweeps find. What waits in the outbox
is sent as soon as it is written. It ends by itself, with exit code 0, when a collection file changes: its supervisor
starts it anew.
"""

import logging
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from threading import Event, Thread

from resources.clients.collection_files import LoadedCollection, usable_collections
from resources.clients.heartbeat import Heartbeat
from sensors.connections import shared_catalog
from sensors.consuming import StreamConsumer
from sensors.pausing import SHORTEST_PAUSE_S, Pausing
from sensors.queue_listening import queue_works
from sensors.saying import say
from sensors.stream_troubles import noting_trouble
from sensors.streams import open_sender, open_stream
from sensors.watcher import stamp_of

WAIT_S = 15.0
TICK_S = 30.0
_SEND_S = 30.0
_LOOK_AT_FILES_S = 2.0
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
    settings = load_settings()
    folder, heartbeat = settings.collections, Heartbeat(settings.heartbeat)
    declared = stamp_of(folder)
    usable, problems = usable_collections(folder)
    for problem in problems:
        say("not usable", level=logging.ERROR, problem=str(problem))
    works = list(works_of(usable, stop, heartbeat=heartbeat))
    say("listening", streams=[name for name, _ in works])
    for name, work in works:
        # Daemons: they may wait at a broker for a while yet, and nothing is lost with them.
        Thread(target=work, name=name, daemon=True).start()
    while not stop.wait(_LOOK_AT_FILES_S):
        heartbeat.touch()
        if stamp_of(folder) != declared:
            say("ended", reason="the collection files changed")
            return 0
    say("ended", reason="asked to stop")
    return 0


def works_of(
    collections: Sequence[LoadedCollection], stop: Event, *, heartbeat: Heartbeat | None = None
) -> list[tuple[str, Callable[[], None]]]:
    """Return what the listener does, each for a thread of its own: reading streams and queues, sending outboxes."""
    heart = heartbeat or Heartbeat(None)
    works: list[tuple[str, Callable[[], None]]] = []
    for loaded in collections:
        if loaded.collection.kafka is None:
            continue
        name = loaded.collection.name
        for stream in loaded.collection.streams:
            title = f"{name}/{stream.name}"
            works.append((title, Listening(loaded, stream.name, stop=stop, beat=heart.of(title)).run))
        title = f"{name}/outbox"
        works.append((title, Sending(loaded, stop=stop, beat=heart.of(title)).run))
    return [*works, *((reading.name, reading.run) for reading in queue_works(collections, stop, heartbeat=heart))]


class Listening:
    """Reads one stream until ``stop`` is set; whatever fails is tried again later, with growing pauses."""

    def __init__(
        self, loaded: LoadedCollection, stream: str, *, stop: Event, beat: Callable[[], None] = lambda: None
    ) -> None:
        self._loaded = loaded
        self._stream = stream
        self._stop = stop
        self._beat = beat

    def run(self) -> None:
        """Read until stopped."""
        pausing = Pausing(self._stop, collection=self._loaded.collection.name, stream=self._stream, beat=self._beat)
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
            self._stop.wait(SHORTEST_PAUSE_S)


class Sending:
    """Sends one collection's outbox until ``stop`` is set."""

    def __init__(self, loaded: LoadedCollection, *, stop: Event, beat: Callable[[], None] = lambda: None) -> None:
        self._loaded = loaded
        self._stop = stop
        self._beat = beat

    def run(self) -> None:
        """Send until stopped."""
        name = self._loaded.collection.name
        pausing = Pausing(self._stop, collection=name, stream="outbox", beat=self._beat)
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


if __name__ == "__main__":
    sys.exit(main())
