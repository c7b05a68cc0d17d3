"""Calls a function on many items from a few threads and yields what comes back, with bounded memory."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_STOP_LOOK_S = 0.1


def in_parallel(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int
) -> Iterator[tuple[Item, Result]]:
    """Yield ``(item, function(item))`` as they get done, in no particular order.

    The items are taken one at a time, each by the thread that works on it; at most ``workers`` results wait. What the
    function or the iterable raises is raised here, after the threads have stopped; so does leaving the iterator early.
    """
    if workers < 1:
        message = "workers must be at least 1"
        raise ValueError(message)
    line = _Line(function, items, results=queue.Queue(maxsize=workers))
    threads = [threading.Thread(target=line.work, name=f"parse-{n}", daemon=True) for n in range(workers)]
    for thread in threads:
        thread.start()
    try:
        yield from line.taken(workers)
    finally:
        line.stop.set()
        for thread in threads:
            thread.join()


class _Line(Generic[Item, Result]):
    """Where several threads take items and put results."""

    def __init__(
        self,
        function: Callable[[Item], Result],
        items: Iterable[Item],
        *,
        results: "queue.Queue[tuple[Item, Result] | BaseException | None]",
    ) -> None:
        self._function = function
        self._source = iter(items)
        self._source_lock = threading.Lock()
        self._results = results
        self.stop = threading.Event()

    def work(self) -> None:
        """Take items until there are none; None says that this thread is done."""
        try:
            while not self.stop.is_set():
                with self._source_lock:
                    try:
                        item = next(self._source)
                    except StopIteration:
                        break
                self._put((item, self._function(item)))
            self._put(None)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that reads the results
            self._put(error)

    def taken(self, workers: int) -> Iterator[tuple[Item, Result]]:
        """Yield results until every thread is done."""
        while workers:
            result = self._results.get()
            if result is None:
                workers -= 1
            elif isinstance(result, BaseException):
                raise result
            else:
                yield result

    def _put(self, result: tuple[Item, Result] | BaseException | None) -> None:
        while not self.stop.is_set():
            with suppress(queue.Full):
                self._results.put(result, timeout=_STOP_LOOK_S)
                return
