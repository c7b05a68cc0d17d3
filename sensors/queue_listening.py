"""A thread of the listener that reads one queue until it is stopped, for every source that declares the queue."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from threading import Event
from typing import TYPE_CHECKING

from resources.clients.heartbeat import Heartbeat
from sensors.connections import shared_catalog
from sensors.pausing import Pausing
from sensors.queue_audience import DeclaredQueue, UnreadableQueue, declared_queues, open_audience
from sensors.saying import say
from sensors.stream_troubles import noting_trouble

if TYPE_CHECKING:
    from resources.clients.collection_files import LoadedCollection
    from sensors.queue_reading import QueueReader

WAIT_S = 15.0


class QueueListening:
    """Reads one queue until ``stop`` is set; whatever fails is noted with its sources and tried again later.

    ``open_reader`` is given what its reader is to call while it goes on.
    """

    def __init__(
        self,
        name: str,
        places: Sequence[tuple[str, str]],
        open_reader: "Callable[[Callable[[], None]], QueueReader]",
        *,
        stop: Event,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self.name = name
        self._beat = (heartbeat or Heartbeat(None)).of(name)
        self._places = tuple(places)
        self._open_reader = open_reader
        self._stop = stop

    def run(self) -> None:
        """Read until stopped."""
        collections = ",".join(dict.fromkeys(collection for collection, _ in self._places))
        pausing = Pausing(self._stop, collection=collections, stream=self.name, beat=self._beat)
        while not self._stop.is_set():
            try:
                with ExitStack() as noted:
                    for place in self._places:
                        noted.enter_context(noting_trouble(shared_catalog, *place))
                    self._read(noted.enter_context(closing(self._open_reader(self._beat))), pausing)
            except Exception as error:  # noqa: BLE001 - a defect must not end the listening unseen
                pausing.after(error)

    def _read(self, reader: "QueueReader", pausing: Pausing) -> None:
        while not self._stop.is_set():
            tick = reader.tick(wait_s=WAIT_S)
            if tick.messages:
                say("read", queue=self.name, tick=tick.described())
            pausing.over()


class Forgetting:
    """Forgets once, when a listener starts, the accounts of queues that nobody declares any more."""

    name = "queues that are not declared any more"

    def __init__(self, collections: "Sequence[LoadedCollection]", *, stop: Event) -> None:
        self._collections = [each.collection for each in collections]
        self._stop = stop

    def run(self) -> None:
        """Forget them, as soon as the catalog is there."""
        pausing = Pausing(self._stop, collection=",".join(each.name for each in self._collections), stream=self.name)
        while not self._stop.is_set():
            try:
                for each in self._collections:
                    declared = [source.name for source in each.sources if source.notifications is not None]
                    shared_catalog().queues.forget_undeclared(each.name, declared)
            except Exception as error:  # noqa: BLE001 - said, and tried again
                pausing.after(error)
            else:
                return


def queue_works(
    collections: "Sequence[LoadedCollection]", stop: Event, *, heartbeat: Heartbeat | None = None
) -> list[QueueListening | Forgetting]:
    """Return a reader's work for each queue that is declared, and for what keeps others from being found."""
    queues, problems = declared_queues(collections)
    return [
        *(_reading(queue, stop, heartbeat) for queue in queues),
        *(_failing(problem, stop, heartbeat) for problem in problems),
        Forgetting(collections, stop=stop),
    ]


def open_queue_reader(queue: DeclaredQueue, *, beat: Callable[[], None] = lambda: None) -> "QueueReader":
    """Return a reader of a queue with connections of its own."""
    from resources.clients.aws.sqs import SqsQueue
    from sensors.queue_reading import QueueReader

    return QueueReader(
        queue=SqsQueue(queue.url, region=queue.region),
        audience=open_audience(queue),
        catalog=shared_catalog(),
        max_receives=queue.max_receives,
        swept_after_s=queue.swept_after_s,
        beat=beat,
    )


def _reading(queue: DeclaredQueue, stop: Event, heartbeat: Heartbeat | None) -> QueueListening:
    from resources.clients.aws.sqs import SqsQueue

    def reader(beat: Callable[[], None]) -> "QueueReader":
        return open_queue_reader(queue, beat=beat)

    name = f"queue {SqsQueue(queue.url).address}"
    return QueueListening(name, queue.places, reader, stop=stop, heartbeat=heartbeat)


def _failing(problem: UnreadableQueue, stop: Event, heartbeat: Heartbeat | None) -> QueueListening:
    def fail(_: Callable[[], None]) -> "QueueReader":
        raise problem.problem

    places = [(problem.collection, problem.source)]
    name = f"queue of {problem.collection}/{problem.source} not found"
    return QueueListening(name, places, fail, stop=stop, heartbeat=heartbeat)
