"""Pauses that grow while something fails, for the threads of the listener."""

import logging
import time
import traceback
from collections.abc import Callable
from threading import Event

from rag_core.errors import DependencyUnavailable, RagError
from sensors.saying import say

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0
_SAID_AGAIN_S = 60.0


class Pausing:
    """Pauses that grow while something fails; a reason is said when it is new, and now and then while it lasts.

    ``beat`` is called once a round, whether it failed or not.
    """

    def __init__(self, stop: Event, *, collection: str, stream: str, beat: Callable[[], None] = lambda: None) -> None:
        self._stop = stop
        self._beat = beat
        self._collection = collection
        self._stream = stream
        self._pause_s = 0.0
        self._said = ""
        self._said_at_s = 0.0

    def over(self) -> None:
        """Begin with the shortest pause again, and say so where a trouble was said."""
        self._beat()
        if self._said:
            self._say("goes on")
        self._pause_s = 0.0
        self._said = ""

    def after(self, error: Exception) -> None:
        """Wait after an error; a defect is said with its traceback."""
        self._beat()
        self._pause_s = min(LONGEST_PAUSE_S, max(SHORTEST_PAUSE_S, 2 * self._pause_s))
        level = logging.WARNING if isinstance(error, DependencyUnavailable) else logging.ERROR
        reason = str(error) if isinstance(error, RagError) else "".join(traceback.format_exception(error))
        if reason != self._said or time.monotonic() - self._said_at_s >= _SAID_AGAIN_S:
            self._say("waiting", level=level, reason=reason, again_in_s=self._pause_s)
            self._said, self._said_at_s = reason, time.monotonic()
        self._stop.wait(self._pause_s)

    def _say(self, event: str, *, level: int = logging.INFO, **fields: object) -> None:
        say(event, level=level, collection=self._collection, stream=self._stream, **fields)
