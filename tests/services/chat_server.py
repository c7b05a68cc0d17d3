"""A real HTTP server that speaks OpenAI's chat completions and says what a test tells it to, on a loopback port."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.services.loopback import free_port, wait_until


@dataclass
class Script:
    """What the server answers.

    ``hold_after``: after so many pieces it waits until ``ChatServer.release``. ``drop_after``: it breaks the connection
    there. ``cut_after``: it ends the stream there as if all were well. ``broken_after``: it sends what is no JSON.
    """

    pieces: list[str] = field(default_factory=lambda: ["Backups are kept ", "for thirty days ", "[1]", "."])
    status: int = 200
    hold_after: int | None = None
    drop_after: int | None = None
    cut_after: int | None = None
    broken_after: int | None = None
    done_line: bool = True
    usage: dict[str, int] | None = field(default_factory=lambda: {"prompt_tokens": 50, "completion_tokens": 9})
    finish: str = "stop"


class ChatServer:
    """Serves while the ``with`` block lasts; ``requests`` holds bodies it got, ``left`` counts clients that left."""

    def __init__(self) -> None:
        self.script = Script()
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.left = 0
        self.writing = 0
        self.most_at_once = 0
        self._released = threading.Event()
        self._port = free_port()
        app = Starlette(routes=[Route("/v1/chat/completions", self._chat, methods=["POST"])])
        config = uvicorn.Config(
            app, host="127.0.0.1", port=self._port, log_level="critical", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="chat-server", daemon=True)

    @property
    def url(self) -> str:
        """The root of its API."""
        return f"http://127.0.0.1:{self._port}/v1"

    def say(self, *pieces: str, **changed: Any) -> None:
        """Answer with these pieces from now on."""
        self._released.clear()
        self.script = Script(pieces=list(pieces), **changed)

    def release(self) -> None:
        """Let answers that are held go on."""
        self._released.set()

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: self._server.started, what="the chat server")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._released.set()
        self._server.should_exit = True
        self._thread.join(10)

    async def _chat(self, request: Request) -> Response:
        script = self.script
        body = await request.json()
        self.requests.append(body)
        self.keys.append(request.headers.get("authorization", ""))
        if script.status != 200:
            said = {"error": {"message": "scripted: key sk-secret is wrong", "type": "x", "code": None, "param": None}}
            return JSONResponse(said, status_code=script.status)
        assert body["stream"] is True
        return StreamingResponse(self._lines(script, body), media_type="text/event-stream")

    async def _lines(self, script: Script, body: dict[str, Any]) -> AsyncGenerator[str]:
        self.writing += 1
        self.most_at_once = max(self.most_at_once, self.writing)
        try:
            yield _chunk(body, delta={"role": "assistant", "content": ""})
            for number, piece in enumerate(script.pieces):
                await self._held(script, number)
                if number == script.drop_after:
                    raise _Dropped
                if number == script.cut_after:
                    return
                if number == script.broken_after:
                    yield "data: {this is no JSON\n\n"
                yield _chunk(body, delta={"content": piece})
            await self._held(script, len(script.pieces))
            yield _chunk(body, delta={}, finish=script.finish)
            if script.usage is not None:
                total = {"total_tokens": sum(script.usage.values())}
                yield _chunk(body, usage={**script.usage, **total})
            if script.done_line:
                yield "data: [DONE]\n\n"
        except asyncio.CancelledError:
            self.left += 1
            raise
        finally:
            self.writing -= 1

    async def _held(self, script: Script, number: int) -> None:
        while number == script.hold_after and not self._released.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.01)


class _Dropped(Exception):
    """Ends the connection in the middle of a response."""


def _chunk(
    body: dict[str, Any],
    *,
    delta: dict[str, Any] | None = None,
    finish: str | None = None,
    usage: dict[str, int] | None = None,
) -> str:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    said = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": body["model"], "choices": choices}
    return f"data: {json.dumps(said | ({} if usage is None else {'usage': usage}))}\n\n"
