"""The client that waits for each answer."""

import time
from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, overload

import httpx

from rag_client.base import ClientBase, Method
from rag_client.requests import corpus, questions, service, talks, uploads
from rag_client.steps import Exchange, Flow, Give, Pause, Read

P = ParamSpec("P")
T = TypeVar("T")


class Items(Iterator[T]):
    """What comes one by one; ``close``, or leaving a ``with`` block, ends it early and frees its connection."""

    def __init__(self, items: Generator[T]) -> None:
        self._items = items

    def __next__(self) -> T:
        return next(self._items)

    def close(self) -> None:
        """End it; the server is told by the connection's end."""
        self._items.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Returns(Method[P, T]):
    """A method that runs a flow to its result; its arguments are those of the function that describes the request."""

    @overload
    def __get__(self, client: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, client: "RagClient", owner: type[Any]) -> Callable[P, T]: ...
    def __get__(self, client: "RagClient | None", owner: type[Any]) -> "Self | Callable[P, T]":
        if client is None:
            return self

        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            with client.run(self.flow(*args, **kwargs)) as items:
                return next(items)

        return self.like_it(call)


class Gives(Method[P, T]):
    """A method that gives what a flow gives, as it comes."""

    @overload
    def __get__(self, client: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, client: "RagClient", owner: type[Any]) -> Callable[P, Items[T]]: ...
    def __get__(self, client: "RagClient | None", owner: type[Any]) -> "Self | Callable[P, Items[T]]":
        if client is None:
            return self

        def call(*args: P.args, **kwargs: P.kwargs) -> Items[T]:
            return client.run(self.flow(*args, **kwargs))

        return self.like_it(call)


class RagClient(ClientBase[httpx.Client]):
    """The API of rag-assets, for one thread or many; close it, or use it in a ``with`` block."""

    search = Returns(questions.search)
    ask = Returns(questions.ask)
    ask_stream = Gives(questions.ask_stream)
    ask_later = Returns(questions.ask_later)
    answer = Returns(questions.answer)
    wait_for_answer = Returns(questions.wait_for_answer)
    forget_answer = Returns(questions.forget_answer)

    create_session = Returns(talks.create_session)
    sessions = Gives(talks.sessions)
    session = Returns(talks.session)
    messages = Gives(talks.messages)
    delete_session = Returns(talks.delete_session)
    create_project = Returns(talks.create_project)
    projects = Gives(talks.projects)
    project = Returns(talks.project)
    rename_project = Returns(talks.rename_project)
    delete_project = Returns(talks.delete_project)

    upload = Returns(uploads.upload)
    job = Returns(uploads.job)
    wait_for_job = Returns(uploads.wait_for_job)
    job_events = Gives(uploads.job_events)

    documents = Gives(corpus.documents)
    document = Returns(corpus.document)
    chunks = Returns(corpus.chunks)
    retry_document = Returns(corpus.retry_document)
    retry_documents = Returns(corpus.retry_documents)
    collections = Returns(corpus.collections)
    streams = Returns(corpus.streams)

    models = Returns(service.models)
    model = Returns(service.model)
    embed = Returns(service.embed)
    alive = Returns(service.alive)
    ready = Returns(service.ready)
    wait_until_ready = Returns(service.wait_until_ready)

    def run(self, flow: Flow[T]) -> Items[T]:
        """Return what a flow of ``rag_client.requests`` gives; nothing is sent before it is asked for."""
        return Items(self._driven(flow))

    def close(self) -> None:
        """Close the connections; an httpx client that was passed in stays open."""
        if self._is_own:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _new_http(self) -> httpx.Client:
        return httpx.Client()

    def _driven(self, flow: Flow[T]) -> Generator[T]:
        steps = flow.steps(self._connecting)
        response: httpx.Response | None = None
        pieces: Iterator[bytes] = iter(())
        result: Any = None
        failed: httpx.HTTPError | None = None
        try:
            while True:
                try:
                    step = steps.send(result) if failed is None else steps.throw(failed)
                except StopIteration:
                    return
                result, failed = None, None
                try:
                    match step:
                        case Give():
                            yield step.item
                        case Pause():
                            time.sleep(step.seconds)
                        case Read():
                            result = next(pieces, b"")
                        case Exchange():
                            if response is not None:
                                response.close()
                            response = result = self._send(step)
                            pieces = response.iter_bytes()
                            if not response.is_success:
                                response.read()
                except httpx.HTTPError as error:
                    failed = error
        finally:
            steps.close()
            if response is not None:
                response.close()

    def _send(self, step: Exchange) -> httpx.Response:
        request = step.connecting.request(self._http, step.call, step.request_id)
        return self._http.send(request, stream=step.call.is_streamed)
