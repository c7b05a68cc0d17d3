"""Work that is taken from the catalog as soon as it is due, so many pieces at once."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from rag_core.errors import RagError

IDLE_S = 60.0
"""How long an idle lane waits at most before it looks again, should it have heard nothing."""
_SHORTEST_WAIT_S = 0.05
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 5.0
_log = logging.getLogger("query_api.queued")
Taken = TypeVar("Taken")


class Lane(Generic[Taken]):
    """Takes and works until it is stopped; ``wake`` says that there may be something to take.

    ``take`` and ``due_in_s`` ask the catalog, in threads; while it is away the lane looks again after growing pauses.
    """

    def __init__(
        self,
        *,
        take: Callable[[], Taken | None],
        due_in_s: Callable[[], float | None],
        work: Callable[[Taken], Coroutine[Any, Any, None]],
        at_once: int,
    ) -> None:
        self._take = take
        self._due_in_s = due_in_s
        self._work = work
        self._at_once = at_once
        self._woken = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Let it look now."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Take what is due until ``stop`` is set; what runs then goes on."""
        pause_s = 0.0
        while not stop.is_set():
            self._woken.clear()  # before looking: nothing falls between looking and waiting
            try:
                wait_s = await self._begun()
                pause_s = 0.0
            except RagError as error:
                wait_s = pause_s = min(_LONGEST_PAUSE_S, max(_SHORTEST_PAUSE_S, 2 * pause_s))
                _log.warning("The queue is looked at again in %.1f s: %s", wait_s, error)
            await self._wait(wait_s)

    async def end(self, *, grace_s: float) -> None:
        """Wait for what runs, no longer than ``grace_s``, then cancel it; return when nothing runs."""
        if self._working:
            await asyncio.wait(self._working, timeout=grace_s)
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)

    async def _begun(self) -> float:
        """Begin with what is due longest; return how long to wait before looking again."""
        if len(self._working) >= self._at_once:
            return IDLE_S  # the end of any piece of work wakes
        taken = await asyncio.to_thread(self._take)
        if taken is None:
            due_in_s = await asyncio.to_thread(self._due_in_s)
            return IDLE_S if due_in_s is None else min(IDLE_S, max(_SHORTEST_WAIT_S, due_in_s))
        task = asyncio.create_task(self._work(taken))
        self._working.add(task)
        task.add_done_callback(self._over)
        return 0.0

    def _over(self, task: "asyncio.Task[None]") -> None:
        self._working.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("A piece of work was lost; it is taken again.", exc_info=error)
        self.wake()

    async def _wait(self, wait_s: float) -> None:
        if wait_s:
            try:
                await asyncio.wait_for(self._woken.wait(), wait_s)
            except TimeoutError:
                return
