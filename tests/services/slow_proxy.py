"""A TCP proxy before a real server: slows what it answers, stalls it, or cuts its connections in the middle."""

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self

_CHUNK = 4096


class SlowProxy:
    """Forwards a loopback port to ``port`` while the ``with`` block lasts.

    ``bytes_per_s`` bounds the answers of each connection (None: no bound). ``cut_after_bytes`` ends a connection once
    it has answered so much (None: never); ``cuts`` counts how often that happened.
    """

    def __init__(self, port: int) -> None:
        self._behind = port
        self.bytes_per_s: float | None = None
        self.cut_after_bytes: int | None = None
        self.cuts = 0
        self._passing = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="slow-proxy", daemon=True)
        self._port = 0

    @property
    def endpoint(self) -> str:
        """The URL to give to HTTP clients."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def stall(self) -> None:
        """Answer nothing more until ``resume``; connections stay open."""
        self._loop.call_soon_threadsafe(self._passing.clear)

    def resume(self) -> None:
        """Answer again."""
        self._loop.call_soon_threadsafe(self._passing.set)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._passing.set()
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self._port = server.sockets[0].getsockname()[1]
        self._listening.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _connected(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            server, ask = await asyncio.open_connection("127.0.0.1", self._behind)
            asking = asyncio.ensure_future(self._pass_on(client, ask))
            try:
                await self._answer(server, answer)
            finally:
                asking.cancel()
                ask.close()
        answer.close()

    @staticmethod
    async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await source.read(_CHUNK):
                target.write(data)
                await target.drain()

    async def _answer(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        sent = 0
        while data := await server.read(_CHUNK):
            await self._passing.wait()
            client.write(data)
            await client.drain()
            sent += len(data)
            if self.bytes_per_s is not None:
                await asyncio.sleep(len(data) / self.bytes_per_s)
            if self.cut_after_bytes is not None and sent >= self.cut_after_bytes:
                self.cuts += 1
                client.transport.abort()
                return
