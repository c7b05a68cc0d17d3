"""Ending when asked to: the first SIGINT or SIGTERM finishes what is under way, the second gives it up.

A third one interrupts whatever still hangs.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """What has been asked for so far; ``when_asked`` is called at once, on the main thread."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._at_once = threading.Event()
        self.when_asked: Callable[[], object] = lambda: None

    def ask(self) -> None:
        """Ask to end; a second time: at once."""
        if self._asked.is_set():
            self._at_once.set()
        self._asked.set()
        self.when_asked()

    @property
    def is_asked(self) -> bool:
        """Whether to begin nothing more."""
        return self._asked.is_set()

    @property
    def is_at_once(self) -> bool:
        """Whether to wait for nothing more, either."""
        return self._at_once.is_set()

    def sleep(self, seconds: float) -> None:
        """Wait that long, or until asked to end."""
        self._asked.wait(seconds)

    def sleep_on(self, seconds: float) -> None:
        """Wait that long, or until asked to end at once."""
        self._at_once.wait(seconds)


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """Yield what hears of the signals while the block lasts. For the main thread."""
    stop = Stop()

    def hear(number: int, frame: FrameType | None) -> None:
        del number, frame
        if stop.is_at_once:
            raise KeyboardInterrupt
        stop.ask()

    before = {each: signal.signal(each, hear) for each in _SIGNALS}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
