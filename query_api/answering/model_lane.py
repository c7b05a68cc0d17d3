"""The way to the chat model: so many answers at once, so many waiting, and a clear word to everyone beyond."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from rag_core.errors import Transient


class ModelBusy(Transient):
    """The model writes as many answers as it may, and as many wait as may."""


class _Leave(Protocol):
    def __call__(self, *, had_turn: bool) -> None: ...


class ModelLane:
    """Places of one process, taken and left in its event loop alone."""

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self.on_refusal: Callable[[], None] = lambda: None
        self.places = at_once + waiting
        self._turns = asyncio.Semaphore(at_once)
        self._inside = 0
        self._writing = 0

    @property
    def writing(self) -> int:
        """How many have their turn."""
        return self._writing

    @property
    def waiting(self) -> int:
        """How many wait for their turn, or are about to."""
        return self._inside - self._writing

    def enter(self) -> "Place":
        """Take a place, at once; raises ``ModelBusy`` when none is free."""
        if self._inside >= self.places:
            self.on_refusal()
            raise ModelBusy(
                f"The chat model is busy: {self.places} questions are being answered or wait.",
                remedy="Ask again shortly, or ask with generation 'extractive'.",
            )
        self._inside += 1
        return Place(self._take_turn, self._leave)

    async def _take_turn(self) -> None:
        await self._turns.acquire()
        self._writing += 1

    def _leave(self, *, had_turn: bool) -> None:
        self._inside -= 1
        if had_turn:
            self._writing -= 1
            self._turns.release()


class Place:
    """A place in the lane, until it is left; leaving it again does nothing."""

    def __init__(self, take_turn: Callable[[], Awaitable[None]], leave: "_Leave") -> None:
        self._take_turn = take_turn
        self._leave = leave
        self._has_turn = False
        self._is_left = False

    async def turn(self) -> None:
        """Return when it is this place's turn to ask the model."""
        if not self._has_turn:
            await self._take_turn()
            self._has_turn = True

    def leave(self) -> None:
        """Give the place to the next one."""
        if self._is_left:
            return
        self._is_left = True
        self._leave(had_turn=self._has_turn)
