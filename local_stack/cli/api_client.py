"""Requests of the command line to the query API; its problems become our errors, with the exit code they mean."""

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from local_stack.cli.json_errors import ApiProblem
from rag_core.errors import DependencyUnavailable, InvalidRequest, Permanent

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 60
_WRONG_REQUEST = frozenset({400, 413, 422})
_OPTIONS = {
    "question": "QUESTION",
    "query": "QUERY",
    "document_id": "DOCUMENT",
    "collection": "--collection",
    "top_k": "--top-k",
    "mode": "--mode",
    "fusion": "--fusion",
    "filters": "--filter",
    "groups": "--group",
    "state": "--state",
    "kind": "--kind",
    "prefix": "--prefix",
    "limit": "--limit",
    "generation": "--generation",
}
"""Field of a request → what it is called on the command line."""


def get(path: str, **parameters: Any) -> Any:
    """Return the API's answer to a GET; parameters that are None are left out."""
    given = {name: value for name, value in parameters.items() if value is not None}
    return _request("GET", path, params=given)


def post(path: str, body: Mapping[str, Any] | None = None) -> Any:
    """Return the API's answer to a POST."""
    return _request("POST", path, json=None if body is None else dict(body))


def only_collection(named: str | None) -> str:
    """Return the named collection, or the only one there is; raises ``InvalidRequest`` when that is not clear."""
    if named is not None:
        return named
    known = [each["name"] for each in get("/v1/collections")["collections"]]
    if len(known) == 1:
        return str(known[0])
    raise InvalidRequest(
        "Which collection?" if known else "Nothing was ingested yet.",
        remedy=f"Say --collection NAME; there are: {', '.join(known)}." if known else "rag ingest PATH --collection …",
    )


def events(path: str, body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield name and data of the server-sent events that answer a POST."""
    with _client() as client, client.stream("POST", path, json=dict(body)) as answer:
        if not answer.is_success:
            answer.read()
            raise problem_error(_problem(answer), status=answer.status_code)
        name = ""
        for line in answer.iter_lines():
            kind, _, value = line.partition(": ")
            if kind == "event":
                name = value
            elif kind == "data":
                yield name, json.loads(value)


def problem_error(problem: Mapping[str, Any], *, status: int = 500) -> Exception:
    """Return the error that a problem means: a response's, or one that ends a stream."""
    error = _error(int(problem.get("status") or status), problem)
    error.__cause__ = ApiProblem(problem)
    return error


def cut_off() -> Exception:
    """Return the error of a stream that ended before its last event."""
    return DependencyUnavailable(
        "The query API ended in the middle of its answer.", dependency="api", remedy="Ask again."
    )


def _request(method: str, path: str, **more: Any) -> Any:
    with _client() as client:
        answer = client.request(method, path, **more)
    if answer.is_success:
        return answer.json()
    raise problem_error(_problem(answer), status=answer.status_code)


@contextmanager
def _client() -> "Generator[httpx.Client]":
    """Give a client of the API; what goes wrong on the way becomes an error of ours."""
    import httpx

    from resources.clients.settings import load_settings

    settings = load_settings()
    url = settings.require("api_url")
    key = {} if settings.api_key is None else {"Authorization": f"Bearer {settings.api_key}"}
    try:
        with httpx.Client(base_url=url, headers=key, timeout=TIMEOUT_S, trust_env=False) as client:
            yield client
    except httpx.TimeoutException as error:
        raise DependencyUnavailable(
            f"The query API at {url} gave no answer within {TIMEOUT_S} s.",
            dependency="api",
            remedy="See 'rag logs api'.",
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise DependencyUnavailable(
            f"The query API at {url} does not answer.", dependency="api", remedy="Is it running? See 'rag status'."
        ) from error


def _problem(answer: Any) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {}


def _error(status: int, problem: Mapping[str, Any]) -> Exception:
    message = _in_options(problem) or str(problem.get("detail") or f"The query API answered {status}.")
    remedy = str(problem.get("remedy") or "See 'rag logs api'.")
    if "/docs" in remedy:  # the way of a caller of the API
        remedy = "--help says what there is."
    if status == 401:
        return Permanent(message, remedy="Set RAG_API_KEY to a key that 'rag keys create' has made.")
    if status in _WRONG_REQUEST:
        return InvalidRequest(message, remedy=remedy)
    if status == 503:
        return DependencyUnavailable(message, dependency=str(problem.get("dependency") or "api"), remedy=remedy)
    return Permanent(message, remedy=remedy)


def _in_options(problem: Mapping[str, Any]) -> str:
    """Return what is wrong by option and argument instead of by field; empty where a field has neither."""
    errors = problem.get("errors")
    if not isinstance(errors, list) or not errors:
        return ""
    words = [_OPTIONS.get((*str(each.get("field")).split("."), "")[1]) for each in errors]
    if not all(words):
        return ""
    return " ".join(f"{word} {each['message']}." for word, each in zip(words, errors, strict=True))
