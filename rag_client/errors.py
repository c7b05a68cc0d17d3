"""What can go wrong.

RagError
├── Unreachable             no connection, or it broke
│   └── StreamBroken        a stream of events ended before its last one
├── TimedOut                the server was silent for too long
│   └── WaitedTooLong       what was waited for did not come in time
├── UnexpectedResponse      not what this API says: another server, an older one, a proxy's page
└── Problem                 the server refused, and says why and what to do
    ├── InvalidRequest      400, 413, 415, 422: sending it again brings the same
    ├── NotAuthenticated    401
    ├── NotPermitted        403
    ├── NotFound            404
    ├── Conflict            409
    ├── RateLimited         429
    └── ServerFailed        5xx
        └── Unavailable     503: a part of the system is away
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

_SHOWN_CHARACTERS = 300


class RagError(Exception):
    """Any failure of a call; ``request_id`` finds it in the server's log, where there was one."""

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id


class Unreachable(RagError):
    """There is no connection to the server, or it broke."""


class StreamBroken(Unreachable):
    """A stream of events ended before its last one."""


class TimedOut(RagError):
    """The server was silent for longer than ``timeout_s``."""


class WaitedTooLong(TimedOut):
    """What was waited for did not come within the wait's ``timeout_s``; it may still come."""


class UnexpectedResponse(RagError):
    """The response is not what this API says; the message names the place."""


class Problem(RagError):
    """The server refused. ``detail`` says what happened, ``remedy`` what to do next.

    ``jobs`` are the ids of the files of an upload that were taken before it was refused.
    """

    def __init__(
        self,
        *,
        status: int,
        title: str,
        detail: str,
        remedy: str = "",
        request_id: str | None = None,
        retry_after_s: float | None = None,
        dependency: str | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        jobs: Sequence[str] = (),
    ) -> None:
        super().__init__(f"{status} {title}: {detail} {remedy}".strip(), request_id=request_id)
        self.status = status
        self.title = title
        self.detail = detail
        self.remedy = remedy
        self.retry_after_s = retry_after_s
        self.dependency = dependency
        self.errors = tuple(errors)
        self.jobs = tuple(jobs)


class InvalidRequest(Problem):
    """The request is wrong; ``errors`` names each field."""


class NotAuthenticated(Problem):
    """No valid key was sent."""


class NotPermitted(Problem):
    """The key is not for this."""


class NotFound(Problem):
    """There is none, or not for this key."""


class Conflict(Problem):
    """Something else is being done with it now; ``retry_after_s`` says when to try again, where that helps."""


class RateLimited(Problem):
    """Too many requests, or too many questions that wait."""


class ServerFailed(Problem):
    """Something went wrong in the server."""


class Unavailable(ServerFailed):
    """A part of the system is away; ``dependency`` names it."""


_KINDS: dict[int, type[Problem]] = {
    400: InvalidRequest,
    401: NotAuthenticated,
    403: NotPermitted,
    404: NotFound,
    409: Conflict,
    413: InvalidRequest,
    415: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
    503: Unavailable,
}


def problem_of(status: int, body: str, *, request_id: str | None = None, retry_after_s: float | None = None) -> Problem:
    """Return what a refusal says: ``application/problem+json``, OpenAI's shape, or whatever a proxy wrote."""
    said = _members(body)
    openai = said.get("error")
    if isinstance(openai, Mapping):
        said = {"detail": cast("Mapping[str, Any]", openai).get("message")}
    detail = said.get("detail")
    wrong = said.get("errors")
    taken = said.get("jobs")
    kind = _KINDS.get(status, ServerFailed if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Problem)
    return kind(
        status=status,
        title=_text(said.get("title")) or _phrase(status),
        detail=_text(detail) or body.strip()[:_SHOWN_CHARACTERS],
        remedy=_text(said.get("remedy")),
        request_id=request_id,
        retry_after_s=retry_after_s,
        dependency=_text(said.get("dependency")) or None,
        errors=cast("Sequence[Mapping[str, str]]", wrong) if isinstance(wrong, list) else (),
        jobs=cast("Sequence[str]", taken) if isinstance(taken, list) else (),
    )


def _members(body: str) -> Mapping[str, Any]:
    try:
        read: object = json.loads(body)
    except ValueError:
        return {}
    return cast("Mapping[str, Any]", read) if isinstance(read, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
