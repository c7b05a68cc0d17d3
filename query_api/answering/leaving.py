"""A client that leaves is noticed, and the work for it ends."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

_Result = TypeVar("_Result")

CLIENT_LEFT = 499
"""The status that nobody receives; the audit log shows it."""


class ClientLeft(Exception):
    """The client closed its connection before there was an answer."""


async def unless_left(request: Request, work: Coroutine[Any, Any, _Result]) -> _Result:
    """Return what the work returns; cancels it and raises ``ClientLeft`` when the client leaves before."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request.receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientLeft
        return working.result()
    finally:
        await _ended(working, leaving)


class EventStream(StreamingResponse):
    """Server-sent events until they end or the client leaves; ``close`` is called afterwards, whatever was sent."""

    def __init__(self, events: AsyncGenerator[str], *, close: Callable[[], None]) -> None:
        super().__init__(
            events,
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        self._events = events
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events; Starlette's own response sees a client leave only under some servers."""
        del scope
        sending = asyncio.ensure_future(self.stream_response(send))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            await _ended(sending, leaving)
            await self._events.aclose()
            self._close()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _ended(*tasks: "asyncio.Future[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
