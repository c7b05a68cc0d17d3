"""One id for each request, in every log line and response that it causes.

``X-Request-ID`` is taken from the request where it is usable, else the trace id of its W3C ``traceparent``, else made.
"""

import re
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, cast
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag_core.traces import trace_id, valid_traceparent

HEADER = "X-Request-ID"
_USABLE = re.compile(rb"[A-Za-z0-9._-]{1,128}")

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being answered; empty outside of one."""

trace_parent: ContextVar[str] = ContextVar("trace_parent", default="")
"""What spans of the request are children of: its own span where spans are kept, else the ``traceparent`` that came
with it; empty without a valid one."""


def state_of(scope: Scope) -> MutableMapping[str, Any]:
    """Return what ``request.state`` holds, in which the layers around the routes leave what they found out."""
    return cast("MutableMapping[str, Any]", scope.setdefault("state", {}))


class Correlation:
    """ASGI middleware: gives each request its id, and the id to each response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its id in the context, and put the id on the response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        parent = valid_traceparent(headers.get(b"traceparent", b"").decode("latin-1"))
        identity = _identity(headers.get(HEADER.lower().encode(), b""), parent)
        state_of(scope)["request_id"] = identity
        identity_token, parent_token = request_id.set(identity), trace_parent.set(parent)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (HEADER.lower().encode(), identity.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            request_id.reset(identity_token)
            trace_parent.reset(parent_token)


def _identity(given: bytes, parent: str) -> str:
    if _USABLE.fullmatch(given):
        return given.decode()
    return trace_id(parent) or uuid4().hex
