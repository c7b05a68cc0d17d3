"""Following an event stream over HTTP, over lost connections: it goes on behind the last event that came.

Nothing is read ahead: whoever takes the events slowly slows the server down.
"""

import asyncio
import hashlib
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from local_stack.producing.server_sent_events import EventParser, ServerSentEvent
from rag_core.errors import DependencyUnavailable, InvalidRequest

if TYPE_CHECKING:
    import httpx

_CONNECT_S = 15.0
_FIRST_WAIT_S, _LONGEST_WAIT_S, _LONGEST_ASKED_S = 1.0, 60.0, 300.0
_NEVER_CONNECTED_S = 30.0
_REMEMBERED = 1000
_NO_MORE = 204
_TEMPORARY = frozenset({408, 425, 429})
_log = logging.getLogger("rag.produce")
_T = TypeVar("_T")


class _Stopped(Exception):
    """The end was asked for while something was waited for."""


class _Lost(Exception):
    """A connection ended, or there was none; ``wait_s`` is what the server asked for."""

    def __init__(self, reason: str, *, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """Which stream, and how patiently; ``idle_s`` without a byte counts as a lost connection.

    ``first_wait_s`` is the first back-off until the server names one. A stream that was never reached is given up after
    half a minute, whatever ``give_up_after_s``.
    """

    url: str
    user_agent: str
    last_event_id: str = ""
    max_event_bytes: int
    idle_s: float = 60.0
    give_up_after_s: float = 3600.0
    first_wait_s: float = _FIRST_WAIT_S


class EventStream:
    """One stream, connected again and again; repeats that a server sends after a reconnection are dropped."""

    def __init__(self, options: StreamOptions) -> None:
        """Raise ``InvalidRequest`` for what is no address of a stream."""
        address = urlsplit(options.url)
        if address.scheme not in {"http", "https"} or not address.hostname:
            raise InvalidRequest("--url is no http:// or https:// address.", remedy="Correct --url.")
        for name, text in {"--user-agent": options.user_agent, "--last-event-id": options.last_event_id}.items():
            if not text.isprintable():
                raise InvalidRequest(f"{name} holds what no header may.", remedy=f"Correct {name}.")
        self._options = options
        self._shown = f"{address.scheme}://{address.hostname}{address.path}"
        self._parser = EventParser(
            max_event_bytes=options.max_event_bytes, last_event_id=options.last_event_id.encode()
        )
        self._recent: dict[bytes, None] = {}
        self._since_s = time.monotonic()
        self._failures = 0
        self._connections = 0
        self.repeats = 0

    @property
    def reconnects(self) -> int:
        """How often the stream was connected again."""
        return max(0, self._connections - 1)

    async def events(self, stopped: asyncio.Event) -> AsyncGenerator[list[ServerSentEvent]]:
        """Yield what comes until ``stopped``, or until the server says that nothing more will come.

        Raises ``InvalidRequest`` for what no waiting changes, ``DependencyUnavailable`` when waiting takes too long.
        """
        import httpx

        limits = httpx.Timeout(_CONNECT_S, read=self._options.idle_s)
        ended = asyncio.create_task(stopped.wait())
        try:
            async with httpx.AsyncClient(timeout=limits, follow_redirects=False) as client:
                while not stopped.is_set():
                    try:
                        async with aclosing(self._connection(client, ended)) as connection:
                            async for events in connection:
                                yield events
                    except _Lost as lost:
                        await _unless(ended, asyncio.sleep(self._wait_s(lost)))
                    else:
                        return
        except _Stopped:
            return
        finally:
            ended.cancel()

    async def _connection(
        self, client: "httpx.AsyncClient", ended: "asyncio.Task[bool]"
    ) -> AsyncGenerator[list[ServerSentEvent]]:
        """Yield one connection's events; returns where there is nothing more, raises ``_Lost`` where it was lost."""
        import httpx

        headers = {"accept": "text/event-stream", "accept-encoding": "identity", "cache-control": "no-store"}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        raw.append((b"user-agent", self._options.user_agent.encode()))
        if self._parser.last_event_id:
            raw.append((b"last-event-id", self._parser.last_event_id))
        response = None
        try:
            request = client.build_request("GET", self._options.url, headers=raw)
            response = await _unless(ended, client.send(request, stream=True))
            if response.status_code == _NO_MORE:
                return
            _check(response, self._shown)
            self._connections += 1
            self._parser.begin()
            chunks = response.aiter_raw()
            while True:
                try:
                    chunk = await _unless(ended, anext(chunks))
                except StopAsyncIteration:
                    raise _Lost("the server ended the connection") from None
                events = self._new(self._parser.feed(chunk))
                if events:
                    self._failures = 0
                    yield events
                self._since_s = time.monotonic()  # after they were taken: a slow broker is no lost stream
        except httpx.HTTPError as error:
            raise _Lost(f"{type(error).__name__}: {error}") from error
        finally:
            if response is not None:
                await response.aclose()

    def _new(self, events: list[ServerSentEvent]) -> list[ServerSentEvent]:
        """Leave out what is no message, and what came before: some servers repeat the last events."""
        found: list[ServerSentEvent] = []
        for event in events:
            if event.kind == "error":
                _log.warning("%s says: %s", self._shown, (event.data or b"")[:300].decode("utf-8", "replace"))
            if event.kind != "message" or event.data == b"":
                continue
            if event.id:
                digest = hashlib.blake2b(event.id + b"\0" + (event.data or b""), digest_size=16).digest()
                if self._connections > 1 and digest in self._recent:
                    self.repeats += 1
                    continue
                self._recent[digest] = None
                if len(self._recent) > _REMEMBERED:
                    del self._recent[next(iter(self._recent))]
            found.append(event)
        return found

    def _wait_s(self, lost: _Lost) -> float:
        """Return how long to wait before the next connection: longer and longer, never two clients in step."""
        waited_s = time.monotonic() - self._since_s
        patience_s = self._options.give_up_after_s
        if waited_s >= (patience_s if self._connections else min(patience_s, _NEVER_CONNECTED_S)):
            raise DependencyUnavailable(
                f"The event stream {self._shown} has been away for {waited_s:.0f} s: {lost}.",
                dependency="event stream",
                remedy="Check --url and the network; --last-event-id goes on where it stopped.",
            ) from lost
        retry_ms = self._parser.retry_ms
        first_s = self._options.first_wait_s if retry_ms is None else retry_ms / 1000
        grown_s = min(_LONGEST_WAIT_S, first_s * 2 ** min(self._failures, 16))
        self._failures += 1
        wait_s = grown_s * random.uniform(0.5, 1)  # noqa: S311 - jitter, not a secret
        wait_s = max(wait_s, min(lost.wait_s or 0, _LONGEST_ASKED_S))
        _log.warning("%s: %s; connecting again in %.1f s", self._shown, lost, wait_s)
        return wait_s


def _check(response: "httpx.Response", shown: str) -> None:
    """Raise ``_Lost`` for an answer that may be another one later, ``InvalidRequest`` for one that will not."""
    status = response.status_code
    if status >= 500 or status in _TEMPORARY:
        asked = response.headers.get("retry-after", "")
        wait_s = float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else None
        raise _Lost(f"status {status}", wait_s=wait_s)
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = response.headers.get("content-encoding", "identity").lower()
    if status != 200 or kind != "text/event-stream" or encoding != "identity":
        what = f"status {status}" if status != 200 else f"{kind or 'no type'}, encoding {encoding}"
        raise InvalidRequest(
            f"{shown} answers with {what[:200]}, not with an event stream.",
            remedy="Correct --url (redirections are not followed), or --user-agent where the server refuses it.",
        )


async def _unless(ended: "asyncio.Task[bool]", wanted: Awaitable[_T]) -> _T:
    """Return what is waited for; raises ``_Stopped`` when the end comes first."""
    task = asyncio.ensure_future(wanted)
    try:
        await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    if task.cancelled():
        raise _Stopped
    return task.result()
