"""A chosen rate: messages are spread evenly, and time lost to a slow broker is not made up for by a burst."""

import time

from local_stack.producing.stopping import Stop

_FORGIVEN_S = 1.0


class Pace:
    """Holds up each message until its turn; ``per_s`` of 0 holds up none."""

    def __init__(self, per_s: float) -> None:
        self._interval_s = 1 / per_s if per_s else 0.0
        self._next_s = time.monotonic()

    def wait(self, stop: Stop) -> None:
        """Return when the next message may go, or when the end is asked for."""
        if not self._interval_s:
            return
        now_s = time.monotonic()
        if now_s - self._next_s > _FORGIVEN_S:
            self._next_s = now_s
        elif self._next_s > now_s:
            stop.sleep(self._next_s - now_s)
        self._next_s += self._interval_s
