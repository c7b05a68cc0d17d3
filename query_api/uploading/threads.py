"""Where an upload's blocking work runs: worker threads, as many as the bounds say."""

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread
from anyio import CapacityLimiter

from query_api.uploading.bounds import UploadBounds

_Result = TypeVar("_Result")


class Threads:
    """Runs work in threads; a request that is cancelled still waits for its thread, so nothing runs on behind it."""

    def __init__(self, bounds: UploadBounds) -> None:
        self._working = CapacityLimiter(bounds.at_once)
        self._recording = CapacityLimiter(bounds.recording_at_once)

    async def work(self, work: Callable[[], _Result]) -> _Result:
        """Look something up, or write a file's bytes."""
        return await anyio.to_thread.run_sync(work, limiter=self._working)

    async def record(self, work: Callable[[], _Result]) -> _Result:
        """Store and record a file, few at a time."""
        return await anyio.to_thread.run_sync(work, limiter=self._recording)

    async def clean_up(self, work: Callable[[], None]) -> None:
        """Do what must be done although the request is cancelled."""
        with anyio.CancelScope(shield=True):
            await self.work(work)
