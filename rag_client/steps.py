"""What a client does, one step at a time: the logic of calls, written once for both clients.

A flow is a generator of steps. It decides; the client that drives it does what a step says, and answers with the
result or throws what went wrong: ``Exchange`` a response, ``Read`` the next piece of an open one, ``Pause`` and
``Give`` nothing. What is given is what the caller gets.
"""

import json
import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx

from rag_client.calls import Call
from rag_client.connecting import Connecting
from rag_client.decoding import decode
from rag_client.errors import RagError, TimedOut, UnexpectedResponse, Unreachable, problem_of
from rag_client.retrying import retry_after_s

T = TypeVar("T")
W = TypeVar("W")
_log = logging.getLogger("rag_client")


@dataclass(frozen=True, slots=True)
class Exchange:
    """Send a call; a streamed one that succeeds stays open until the next exchange or the end."""

    call: Call[Any]
    request_id: str
    connecting: Connecting


@dataclass(frozen=True, slots=True)
class Read:
    """The next bytes of what is open; none at its end."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Give(Generic[T]):
    """Hand something to the caller."""

    item: T


Step = Exchange | Read | Pause | Give[Any]
Steps = Generator[Step, Any, T]


@dataclass(frozen=True, slots=True)
class Flow(Generic[T]):
    """Steps that give ``T``, once or many times, under a client's settings."""

    steps: Callable[[Connecting], Steps[None]]


def once(call: Call[T]) -> Flow[T]:
    """Return the flow of a call that is sent, perhaps again, and read."""
    return part(call, lambda whole: whole)


def part(call: Call[W], of: Callable[[W], T]) -> Flow[T]:
    """The same where a part of the response is all of it that says something."""

    def steps(connecting: Connecting) -> Steps[None]:
        yield Give(of((yield from sent(call, connecting))))

    return Flow(steps)


def sent(call: Call[T], connecting: Connecting) -> Steps[T]:
    """Send a call until it succeeds or there is no sense in it; return what it brings."""
    response = yield from opened(call, connecting)
    return read(call, response)


def opened(call: Call[Any], connecting: Connecting) -> Steps[httpx.Response]:
    """The same with the response as it comes; all attempts have one request id."""
    request_id, tried = connecting.request_ids(), 0
    while True:
        tried += 1
        try:
            response: httpx.Response = yield Exchange(call, request_id, connecting)
        except httpx.HTTPError as error:
            wait_s = connecting.retries.after_error(call, error, tried)
            if wait_s is None:
                raise trouble(call, error, connecting, request_id) from error
            _log.info("%s %s: %s; again in %.1f s", call.method, call.path, type(error).__name__, wait_s)
        else:
            _log.debug("%s %s: %d (request %s)", call.method, call.path, response.status_code, request_id)
            if response.is_success:
                return response
            after_s = retry_after_s(response.headers)
            wait_s = connecting.retries.after_status(call, response.status_code, after_s, tried)
            if wait_s is None:
                raise refusal(response, request_id)
            _log.info("%s %s: %d; again in %.1f s", call.method, call.path, response.status_code, wait_s)
        yield Pause(wait_s)


def read(call: Call[T], response: httpx.Response) -> T:
    """Return what a response says; raises ``UnexpectedResponse``."""
    if call.shape is type(None):
        return decode(call.shape, None)
    try:
        value: object = response.json()
    except ValueError as error:
        said = response.text.strip()[:80]
        raise _unexpected(f"{call.method} {call.path} brought no JSON but {said!r}.", response) from error
    try:
        return decode(call.shape, value)
    except UnexpectedResponse as error:
        raise _unexpected(f"{call.method} {call.path}: {error}", response) from error


def as_json(data: str) -> object:
    """Return the data of an event; raises ``UnexpectedResponse``."""
    try:
        return json.loads(data)
    except ValueError as error:
        raise UnexpectedResponse(f"An event brought no JSON but {data[:80]!r}.") from error


def refusal(response: httpx.Response, request_id: str) -> RagError:
    """Return a response that is no success as an error."""
    if response.is_redirect:
        where = response.headers.get("location", "")[:200]
        return UnexpectedResponse(
            f"The server sends elsewhere: {where!r}. Is the base_url right?", request_id=request_id
        )
    return problem_of(
        response.status_code,
        response.text,
        request_id=response.headers.get("x-request-id", request_id),
        retry_after_s=retry_after_s(response.headers),
    )


def trouble(call: Call[Any], error: httpx.HTTPError, connecting: Connecting, request_id: str) -> RagError:
    """Return what kept a response from coming."""
    said = str(error) or type(error).__name__
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return TimedOut(f"{call.method} {call.path}: no byte for {connecting.timeout_s:g} s.", request_id=request_id)
    return Unreachable(f"{connecting.root} cannot be reached, or went away: {said}.", request_id=request_id)


def _unexpected(message: str, response: httpx.Response) -> UnexpectedResponse:
    return UnexpectedResponse(message, request_id=response.headers.get("x-request-id"))
