"""The way to the chat model: so many answers at once, so many waiting, and a clear word to everyone beyond."""

import asyncio
from collections.abc import Callable

from rag_core.errors import Transient


class ModelBusy(Transient):
    """The model writes as many answers as it may, and as many wait as may."""


class ModelLane:
    """Places of one process, taken and left in its event loop alone."""

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._inside = 0

    def enter(self) -> "Place":
        """Take a place, at once; raises ``ModelBusy`` when none is free."""
        if self._inside >= self._most:
            raise ModelBusy(
                f"The chat model is busy: {self._most} questions are being answered or wait.",
                remedy="Ask again shortly, or ask with generation 'extractive'.",
            )
        self._inside += 1
        return Place(self._turns, self._leave)

    def _leave(self) -> None:
        self._inside -= 1


class Place:
    """A place in the lane, until it is left; leaving it again does nothing."""

    def __init__(self, turns: asyncio.Semaphore, leave: Callable[[], None]) -> None:
        self._turns = turns
        self._leave = leave
        self._has_turn = False
        self._is_left = False

    async def turn(self) -> None:
        """Return when it is this place's turn to ask the model."""
        if not self._has_turn:
            await self._turns.acquire()
            self._has_turn = True

    def leave(self) -> None:
        """Give the place to the next one."""
        if self._is_left:
            return
        self._is_left = True
        self._leave()
        if self._has_turn:
            self._turns.release()
