"""Errors as ``application/problem+json`` (RFC 9457), every one of them, each with what to do next."""

import http
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from query_api.correlation import HEADER as REQUEST_ID
from query_api.correlation import state_of
from query_api.uploading.refusals import UploadRefused, UploadsBusy
from query_api.wrong_fields import sentences, wrong_fields
from rag_core.errors import ConfigurationError, DependencyUnavailable, InvalidRequest, RagError, Transient
from rag_core.queued_answers import AnswersFull, UnknownAnswer
from rag_core.sessions.refusals import SessionBusy, TurnLost, UnknownProject, UnknownSession

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
QUEUE_WAIT_S = 5
_log = logging.getLogger("query_api")


class NotFound(InvalidRequest):
    """What was asked for by name is not there, or not for this caller."""


class Forbidden(InvalidRequest):
    """The caller's key is not for this kind of request, whatever there is."""


class Problem(BaseModel):
    """An error: what happened (``detail``) and what to do next (``remedy``)."""

    type: str = Field(description="A stable name of the kind of problem.", examples=["about:blank"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["The field 'query' must have at most 2000 characters."])
    remedy: str = Field(examples=["Correct the request; /docs describes it."])
    dependency: str | None = Field(default=None, description="The part of the system that is away.")
    errors: list[dict[str, str]] | None = Field(default=None, description="Each wrong field with its message.")
    jobs: list[str] | None = Field(
        default=None,
        description="Jobs of the files of an upload that were taken before it was refused; sent again, they keep them.",
    )


WAITING: dict[str, Any] = {
    "headers": {
        "Retry-After": {
            "description": "After how many seconds to try again.",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
        }
    }
}
"""How the OpenAPI document says that a response tells when to try again."""

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": said,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        **(WAITING if status in {429, 503} else {}),
    }
    for status, said in {
        401: "No valid key was sent.",
        403: "The key is not for this, or a page of another site sent the request.",
        413: "The body is too large.",
        421: "The server does not answer to this host name.",
        422: "The request is wrong; `errors` names each field.",
        429: "Too many requests; `Retry-After` says when to try again.",
        503: "A part of the system is away; `Retry-After` says when to try again.",
    }.items()
}
"""What every route can answer besides its result."""

IN_SESSION: dict[int | str, dict[str, Any]] = {
    404: {**PROBLEMS[422], "description": "The key has no such session."},
    409: {**PROBLEMS[422], "description": "Another question of the session is being answered, or it was deleted."},
}

NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {**PROBLEMS[422], "description": "There is none."}}


def problem_response(
    status: int, detail: str, *, remedy: str, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """Return a problem as a response; ``more`` are further members."""
    try:
        title = http.HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "remedy": remedy, **more}
    content = json.dumps(body, ensure_ascii=True)  # ASCII: a refused value may hold lone surrogates
    return Response(content, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def add_problem_handlers(app: FastAPI) -> None:
    """Turn every error of the application into a problem; nothing of our insides is in a 500."""
    app.add_exception_handler(RagError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _unexpected)


def _of_ours(request: Request, error: Exception) -> Response:
    del request
    return problem_of(error)


def problem_of(error: Exception) -> Response:
    """Return an error of ours as a problem."""
    if isinstance(error, NotFound | UnknownProject | UnknownSession | UnknownAnswer):
        return problem_response(404, error.message, remedy=error.remedy)
    if isinstance(error, Forbidden):
        return problem_response(403, error.message, remedy=error.remedy)
    if isinstance(error, SessionBusy | TurnLost):
        waiting = {"Retry-After": str(RETRY_AFTER_S)} if isinstance(error, SessionBusy) else {}
        return problem_response(409, error.message, remedy=error.remedy, headers=waiting)
    if isinstance(error, UploadRefused):
        taken = {"jobs": [str(job) for job in error.jobs]} if error.jobs else {}
        return problem_response(error.status, error.message, remedy=error.remedy, headers=_UNREAD, **taken)
    if isinstance(error, UploadsBusy):
        waiting = {"Retry-After": str(RETRY_AFTER_S), **_UNREAD}
        return problem_response(503, error.message, remedy=error.remedy, headers=waiting)
    if isinstance(error, AnswersFull):
        return problem_response(429, error.message, remedy=error.remedy, headers={"Retry-After": str(QUEUE_WAIT_S)})
    if isinstance(error, InvalidRequest):
        return problem_response(422, error.message, remedy=error.remedy or "Correct the request; /docs describes it.")
    if isinstance(error, DependencyUnavailable):
        _log.warning("%s", error)
        return problem_response(
            503,
            _AWAY.get(error.dependency, f"A part of the system is away: {error.dependency}."),
            remedy="Try again shortly; 'rag status' shows what is away.",
            headers={"Retry-After": str(RETRY_AFTER_S)},
            dependency=error.dependency,
        )
    if isinstance(error, ConfigurationError):
        _log.error("%s", error)
        return problem_response(503, error.message, remedy=error.remedy, headers={"Retry-After": "30"})
    if isinstance(error, Transient):
        _log.warning("%s", error)
        return problem_response(503, error.message, remedy=error.remedy, headers={"Retry-After": str(RETRY_AFTER_S)})
    _log.error("%s", error, exc_info=error)
    return _internal()


_UNREAD = {"Connection": "close"}
"""What is left of a refused body is not worth reading."""

_AWAY = {
    "qdrant": "The vector index does not answer.",
    "timescale": "The vector index does not answer.",
    "catalog": "The catalog's database does not answer.",
    "model": "The embedding model does not answer.",
    "chat model": "The chat model does not answer.",
}


def _of_validation(request: Request, error: Exception) -> Response:
    del request
    if not isinstance(error, RequestValidationError):
        return _internal()
    errors = wrong_fields(cast("Sequence[dict[str, Any]]", error.errors()), error.body)
    return problem_response(422, sentences(errors), remedy="Correct the request; /docs describes it.", errors=errors)


def _of_http(request: Request, error: Exception) -> Response:
    """Return what the framework refuses, as a problem: no such path or method, and a body that it cannot read."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return problem_response(404, "There is nothing at this path.", remedy="/docs lists what there is.")
    if status == 405:
        allowed = ", ".join(_methods_of(request))
        detail, remedy = f"{request.method[:16]} is not possible here.", f"Use {allowed}."
        return problem_response(405, detail, remedy=remedy, headers={"Allow": allowed})
    if status == 400:  # bytes that are no UTF-8, or lists within lists without end
        return problem_response(422, "The body cannot be read as JSON.", remedy="Send JSON in UTF-8.")
    said = str(error.detail) if isinstance(error, HTTPException) else ""
    return problem_response(status, said, remedy="/docs describes every request.")


def _methods_of(request: Request) -> list[str]:
    """Return all methods of a path; what the router says itself are those of the first route with that path."""
    where = {"type": "http", "path": request.scope["path"], "root_path": request.scope.get("root_path", "")}
    routes = cast("FastAPI", request.app).router.routes
    return [
        method
        for method in _METHODS
        if any(route.matches({**where, "method": method})[0] is Match.FULL for route in routes)
    ]


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def _unexpected(request: Request, error: Exception) -> Response:
    identity = str(state_of(request.scope).get("request_id", ""))
    _log.error("%s %s failed (request %s)", request.method, request.url.path, identity, exc_info=error)
    return _internal({REQUEST_ID: identity})  # this answer passes by the layer that puts the id on all others


def _internal(headers: Mapping[str, str] | None = None) -> Response:
    return problem_response(
        500, "Something went wrong here.", remedy="The server's log says what: 'rag logs api'.", headers=headers
    )
