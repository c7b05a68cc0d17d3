"""The client for asyncio and trio."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, overload

import httpx
from anyio import sleep

from rag_client.base import ClientBase, Method
from rag_client.requests import corpus, questions, service, talks, uploads
from rag_client.steps import Exchange, Flow, Give, Pause, Read

P = ParamSpec("P")
T = TypeVar("T")


class AsyncItems(AsyncIterator[T]):
    """What comes one by one; ``aclose``, or leaving an ``async with`` block, ends it early and frees its connection."""

    def __init__(self, items: AsyncGenerator[T]) -> None:
        self._items = items

    async def __anext__(self) -> T:
        return await anext(self._items)

    async def aclose(self) -> None:
        """End it; the server is told by the connection's end."""
        await self._items.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class AsyncReturns(Method[P, T]):
    """A method that runs a flow to its result; its arguments are those of the function that describes the request."""

    @overload
    def __get__(self, client: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, client: "AsyncRagClient", owner: type[Any]) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, client: "AsyncRagClient | None", owner: type[Any]) -> "Self | Callable[P, Awaitable[T]]":
        if client is None:
            return self

        async def call(*args: P.args, **kwargs: P.kwargs) -> T:
            async with client.run(self.flow(*args, **kwargs)) as items:
                return await anext(items)

        return self.like_it(call)


class AsyncGives(Method[P, T]):
    """A method that gives what a flow gives, as it comes."""

    @overload
    def __get__(self, client: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, client: "AsyncRagClient", owner: type[Any]) -> Callable[P, AsyncItems[T]]: ...
    def __get__(self, client: "AsyncRagClient | None", owner: type[Any]) -> "Self | Callable[P, AsyncItems[T]]":
        if client is None:
            return self

        def call(*args: P.args, **kwargs: P.kwargs) -> AsyncItems[T]:
            return client.run(self.flow(*args, **kwargs))

        return self.like_it(call)


class AsyncRagClient(ClientBase[httpx.AsyncClient]):
    """The API of rag-assets, within one event loop; ``aclose`` it, or use it in an ``async with`` block."""

    search = AsyncReturns(questions.search)
    ask = AsyncReturns(questions.ask)
    ask_stream = AsyncGives(questions.ask_stream)
    ask_later = AsyncReturns(questions.ask_later)
    answer = AsyncReturns(questions.answer)
    wait_for_answer = AsyncReturns(questions.wait_for_answer)
    forget_answer = AsyncReturns(questions.forget_answer)

    create_session = AsyncReturns(talks.create_session)
    sessions = AsyncGives(talks.sessions)
    session = AsyncReturns(talks.session)
    messages = AsyncGives(talks.messages)
    delete_session = AsyncReturns(talks.delete_session)
    create_project = AsyncReturns(talks.create_project)
    projects = AsyncGives(talks.projects)
    project = AsyncReturns(talks.project)
    rename_project = AsyncReturns(talks.rename_project)
    delete_project = AsyncReturns(talks.delete_project)

    upload = AsyncReturns(uploads.upload)
    job = AsyncReturns(uploads.job)
    wait_for_job = AsyncReturns(uploads.wait_for_job)
    job_events = AsyncGives(uploads.job_events)

    documents = AsyncGives(corpus.documents)
    document = AsyncReturns(corpus.document)
    chunks = AsyncReturns(corpus.chunks)
    retry_document = AsyncReturns(corpus.retry_document)
    retry_documents = AsyncReturns(corpus.retry_documents)
    collections = AsyncReturns(corpus.collections)
    streams = AsyncReturns(corpus.streams)

    models = AsyncReturns(service.models)
    model = AsyncReturns(service.model)
    embed = AsyncReturns(service.embed)
    alive = AsyncReturns(service.alive)
    ready = AsyncReturns(service.ready)
    wait_until_ready = AsyncReturns(service.wait_until_ready)

    def run(self, flow: Flow[T]) -> AsyncItems[T]:
        """Return what a flow of ``rag_client.requests`` gives; nothing is sent before it is asked for."""
        return AsyncItems(self._driven(flow))

    async def aclose(self) -> None:
        """Close the connections; an httpx client that was passed in stays open."""
        if self._is_own:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _new_http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient()

    async def _driven(self, flow: Flow[T]) -> AsyncGenerator[T]:
        steps = flow.steps(self._connecting)
        response: httpx.Response | None = None
        pieces: AsyncIterator[bytes] | None = None
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
                            await sleep(step.seconds)
                        case Read():
                            result = b"" if pieces is None else await anext(pieces, b"")
                        case Exchange():
                            if response is not None:
                                await response.aclose()
                            response = result = await self._send(step)
                            pieces = response.aiter_bytes()
                            if not response.is_success:
                                await response.aread()
                except httpx.HTTPError as error:
                    failed = error
        finally:
            steps.close()
            if response is not None:
                await response.aclose()

    async def _send(self, step: Exchange) -> httpx.Response:
        request = step.connecting.request(self._http, step.call, step.request_id)
        return await self._http.send(request, stream=step.call.is_streamed)
