"""One id for each request, in every log line and response that it causes.

``X-Request-ID`` is taken from the request where it is usable, else the trace id of its W3C ``traceparent``, else made.
"""

import re
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, cast
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-ID"
_USABLE = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_TRACE_PARENT = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being answered; empty outside of one."""

trace_parent: ContextVar[str] = ContextVar("trace_parent", default="")
"""The ``traceparent`` that came with the request; empty without a valid one."""


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
        parent = _valid_parent(headers.get(b"traceparent", b""))
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
    return parent.split("-")[1] if parent else uuid4().hex


def _valid_parent(given: bytes) -> str:
    found = _TRACE_PARENT.fullmatch(given)
    if found is None or not int(found[1], 16) or not int(found[2], 16):  # all zeros mean "none"
        return ""
    return given.decode()
