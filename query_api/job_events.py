"""Open event streams of jobs: one look-up for all of them, a bounded number, none left behind at the end."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import anyio.to_thread

from query_api.shapes.jobs import FINAL, JobShape
from query_api.uploading.bounds import UploadBounds
from query_api.uploading.refusals import UploadsBusy
from rag_core.errors import RagError

LookUp = Callable[[Sequence[UUID]], Mapping[UUID, JobShape]]
_RETRY_MS = 2000
_UNREAD_S = 30.0
_log = logging.getLogger("query_api")


class JobWatch:
    """Looks the watched jobs up every so often, while any stream is open."""

    def __init__(self, look_up: LookUp, bounds: UploadBounds) -> None:
        self._look_up = look_up
        self._bounds = bounds
        self._open: dict[_Stream, None] = {}
        self._lock = threading.Lock()
        self._looking: asyncio.Task[None] | None = None
        self._closing = False

    def events(self, first: JobShape) -> AsyncGenerator[str]:
        """Return a job's event stream, from its state as of now; raises ``UploadsBusy`` when too many are open.

        It ends after a final state, after ``stream_s``, and when the process is asked to end.
        """
        with self._lock:
            for left in [each for each in self._open if each.was_never_read]:
                del self._open[left]
            if len(self._open) >= self._bounds.streams or self._closing:
                raise UploadsBusy("Too many event streams are open.", remedy="Ask for the job itself now and then.")
            stream = _Stream(first)
            self._open[stream] = None
        return self._events(stream)

    def end(self) -> None:
        """End every stream; callable from a signal's handler in the event loop's thread."""
        self._closing = True
        for stream in list(self._open):
            stream.changed.set()

    async def close(self) -> None:
        """End every stream and stop looking."""
        self.end()
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    async def _events(self, stream: "_Stream") -> AsyncGenerator[str]:
        ends_at_s = time.monotonic() + self._bounds.stream_s
        stream.is_read = True
        self._open[stream] = None
        try:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look())
            yield f"retry: {_RETRY_MS}\n\n"
            while True:
                stream.changed.clear()
                shown = stream.job
                yield _event(shown)
                if shown.status in FINAL:
                    return
                while stream.job is shown:
                    if self._closing or time.monotonic() >= ends_at_s:
                        return
                    try:
                        await asyncio.wait_for(stream.changed.wait(), self._bounds.heartbeat_s)
                    except TimeoutError:
                        yield ": still here\n\n"
        finally:
            self._open.pop(stream, None)

    async def _look(self) -> None:
        """Look up all watched jobs in one query, until no stream is open; while the catalog is away, wait."""
        while self._open:
            watched = list(self._open)
            ids = sorted({stream.job.job_id for stream in watched})
            try:
                found = await anyio.to_thread.run_sync(self._look_up, ids)
            except RagError as error:
                _log.warning("Job events wait: %s", error)
                found: Mapping[UUID, JobShape] = {}
            for stream in watched:
                stream.show(found.get(stream.job.job_id))
            await asyncio.sleep(self._bounds.look_every_s)


class _Stream:
    """One open stream: the state to show next, and whether there is one."""

    def __init__(self, job: JobShape) -> None:
        self.job = job
        self.changed = asyncio.Event()
        self.is_read = False
        self._asked_at_s = time.monotonic()

    @property
    def was_never_read(self) -> bool:
        """Its client went away before the first byte: nothing else gives its place back."""
        return not self.is_read and time.monotonic() > self._asked_at_s + _UNREAD_S

    def show(self, job: JobShape | None) -> None:
        if job is not None and (job.status, job.message) != (self.job.status, self.job.message):
            self.job = job
            self.changed.set()


def _event(job: JobShape) -> str:
    return f"event: job\ndata: {job.model_dump_json()}\n\n"


def sse_example() -> dict[str, Any]:
    """Return the schema's example of a stream."""
    text = 'retry: 2000\n\nevent: job\ndata: {"job_id": "…", "status": "Pending", "message": "…"}\n\n: still here\n\n'
    return {"text/event-stream": {"example": text}}
