"""Work with an end in sight: in a thread of its own, which may hang without hanging whoever asked."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import TypeVar

from rag_core.errors import DependencyUnavailable

_Answer = TypeVar("_Answer")


def begun(work: Callable[[], _Answer], *, name: str) -> "Future[_Answer]":
    """Begin ``work`` in a thread that never keeps the process alive, and return its answer to come."""
    answer: Future[_Answer] = Future()

    def run() -> None:
        try:
            answer.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is asked for
            answer.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return answer


class TimeLeft:
    """Counts down from ``limit_s``; given up, it tells whoever still works that nobody waits for the result."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._ends_at = time.monotonic() + limit_s
        self._given_up = threading.Event()

    @property
    def seconds(self) -> float:
        """Return what is left, 0 when it is over or given up."""
        return 0.0 if self._given_up.is_set() else max(0.0, self._ends_at - time.monotonic())

    def answer(self, work: Callable[[], _Answer], *, name: str, waits_for: str, remedy: str) -> _Answer:
        """Return what ``work`` does, or raise ``DependencyUnavailable`` when the time is over before it ends."""
        answer = begun(work, name=name)
        try:
            return answer.result(timeout=self.seconds)
        except NotYet:
            if answer.done():  # just now, or the time-out is the work's own
                return answer.result()
            self._given_up.set()
            message = f"{waits_for} did not answer within {self._limit_s:.0f} s."
            raise DependencyUnavailable(message, dependency=waits_for, remedy=remedy) from None
