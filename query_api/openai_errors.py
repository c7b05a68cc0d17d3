"""On the routes that OpenAI's clients call, errors have the shape that those clients read.

One layer around everything, so that it holds for whoever refuses: keys, guards, validation, routes, defects. A 422
becomes the 400 that those clients know.
"""

import json
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from query_api.problems import MEDIA_TYPE, WAITING

PATHS = ("/v1/chat/completions", "/v1/models", "/v1/embeddings")
_KINDS = {
    401: ("authentication_error", "invalid_api_key"),
    403: ("permission_error", None),
    404: ("invalid_request_error", "model_not_found"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
}


class OpenAiError(BaseModel):
    """What went wrong, and what to do."""

    message: str
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = Field(description="The field that is wrong.")
    code: str | None = Field(examples=["model_not_found"])


class OpenAiErrorBody(BaseModel):
    """An error as OpenAI's clients read it."""

    error: OpenAiError


OPENAI_ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": OpenAiErrorBody, "description": "The request is refused."},
    429: {"model": OpenAiErrorBody, "description": "Too many requests.", **WAITING},
    503: {"model": OpenAiErrorBody, "description": "A part of the system is away.", **WAITING},
}
"""What these routes can answer besides their result."""


class OpenAiErrors:
    """ASGI middleware: turns problems into errors of that shape, on ``PATHS`` and below."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; a problem that comes back is held until it is whole, and sent in the other shape."""
        if scope["type"] != "http" or not _is_theirs(scope["path"]):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        problem = b""

        async def send_translated(message: Message) -> None:
            nonlocal start, problem
            if message["type"] == "http.response.start" and _is_problem(message):
                start = message
            elif start is None:
                await send(message)
            else:
                problem += message.get("body", b"")
                if not message.get("more_body", False):
                    await _translated(start, problem)(scope, receive, send)

        await self._app(scope, receive, send_translated)


def error_of(problem: dict[str, Any]) -> dict[str, Any]:
    """Return a problem in OpenAI's shape."""
    status = int(problem["status"])
    kind, code = _KINDS.get(status, ("server_error" if status >= 500 else "invalid_request_error", None))
    wrong: list[dict[str, str]] = problem.get("errors") or []
    field = wrong[0]["field"].removeprefix("body.") if wrong else ""
    error = OpenAiError(
        message=f"{problem['detail']} {problem['remedy']}".strip(), type=kind, param=field or None, code=code
    )
    return OpenAiErrorBody(error=error).model_dump()


def _is_theirs(path: str) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in PATHS)


def _is_problem(start: Message) -> bool:
    return MutableHeaders(raw=list(start.get("headers", []))).get("content-type", "").startswith(MEDIA_TYPE)


def _translated(start: Message, body: bytes) -> JSONResponse:
    status = 400 if start["status"] == 422 else start["status"]
    response = JSONResponse(error_of(json.loads(body)), status_code=status)
    kept = [(name, value) for name, value in start["headers"] if name not in {b"content-type", b"content-length"}]
    response.raw_headers = [*response.raw_headers, *kept]
    return response
