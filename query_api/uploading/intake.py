"""Upload requests from beginning to answer: a bounded number side by side, each answered once."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from query_api.uploading.bounds import UploadBounds
from query_api.uploading.declared import Targets
from query_api.uploading.multipart import PartBegin, PartData, PartEnd, parts_of
from query_api.uploading.parts import Parts, Taken
from query_api.uploading.refusals import UploadRefused, UploadsBusy, request_too_large
from query_api.uploading.threads import Threads
from rag_core.callers import Caller
from rag_core.identity import Json
from resources.clients.catalog import Catalog
from resources.clients.catalog.upload_requests import HELD_S, Answered, RequestHeld

AnswerFor = Callable[[Taken], dict[str, Json]]
Seen = Callable[[str, str], None]
"""Takes the collection and a file's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRequest:
    """What an upload request says before its body."""

    caller: Caller
    collection: str | None
    content_type: str
    content_length: int | None
    idempotency_key: str | None


class UploadDesk:
    """Takes the upload requests of one process."""

    def __init__(self, targets: Targets, catalog: Callable[[], Catalog], bounds: UploadBounds) -> None:
        self._targets = targets
        self._catalog = catalog
        self._bounds = bounds
        self._threads = Threads(bounds)
        self._turns = asyncio.Semaphore(bounds.at_once)
        self._waiting = 0

    async def receive(
        self, request: UploadRequest, body: AsyncIterable[bytes], *, answer: AnswerFor, seen: Seen
    ) -> dict[str, Json]:
        """Store and record a request's files; return its answer, or the one given before under its key.

        ``seen`` is told of each file as it begins.

        Raises ``UploadRefused``, ``UploadsBusy``, ``RequestHeld``, and what store and catalog raise; files that were
        recorded by then stay recorded, and are found again when the request is repeated.
        """
        await self._check_length(request)
        async with self._turn():
            catalog = await self._threads.work(self._catalog)
            if request.idempotency_key is not None:
                return await self._once(request, request.idempotency_key, body, catalog, answer, seen)
            return await self._answered(await self._take(request, body, catalog, seen), answer)

    async def _check_length(self, request: UploadRequest) -> None:
        """Refuse by the announced length before a byte of the body is read."""
        if request.collection is None:
            limit = await self._threads.work(lambda: self._targets.max_request_bytes(request.caller))
        else:
            target = await self._threads.work(lambda: self._targets.of(request.collection, request.caller))
            limit = target.uploads.max_request_bytes
        if limit and (request.content_length or 0) > limit:
            raise request_too_large(limit)

    async def _once(
        self,
        request: UploadRequest,
        key: str,
        body: AsyncIterable[bytes],
        catalog: Catalog,
        answer: AnswerFor,
        seen: Seen,
    ) -> dict[str, Json]:
        """Answer a key's first request, and others under that key as the first if they are the same."""
        holder = uuid4()
        requests, uploader = catalog.upload_requests, request.caller.namespace
        try:
            before = await self._threads.work(lambda: requests.hold(uploader, key, holder))
        except RequestHeld as error:
            raise UploadRefused(409, error.message, remedy=error.remedy) from None
        if before is not None:
            taken = await self._take(request, body, catalog, seen, stores=False)
            if taken.fingerprint != before.request:
                raise UploadRefused(
                    422,
                    "This Idempotency-Key was used for another request.",
                    remedy="Use a new key for each request; a key is remembered for a day.",
                )
            return dict(before.answer)
        try:
            taken = await self._take(request, body, catalog, seen, hold=lambda: requests.renew(uploader, key, holder))
            given = await self._answered(taken, answer)
            answered = Answered(request=taken.fingerprint, answer=given)
            await self._threads.clean_up(lambda: requests.answer(uploader, key, holder, answered))
        except BaseException:
            await self._threads.clean_up(lambda: requests.release(uploader, key, holder))
            raise
        return given

    async def _answered(self, taken: Taken, answer: AnswerFor) -> dict[str, Json]:
        if not taken.jobs and taken.refused:
            raise taken.refused[0][1]
        if not taken.jobs:
            raise UploadRefused(
                422, "The request brings no file.", remedy='Send one as a form part, as curl -F "file=@NAME" does.'
            )
        return await self._threads.work(lambda: answer(taken))

    async def _take(
        self,
        request: UploadRequest,
        body: AsyncIterable[bytes],
        catalog: Catalog,
        seen: Seen,
        *,
        stores: bool = True,
        hold: Callable[[], None] = lambda: None,
    ) -> Taken:
        parts = Parts(
            collection=request.collection,
            caller=request.caller,
            seen=seen,
            targets=self._targets,
            catalog=catalog,
            threads=self._threads,
            bounds=self._bounds,
            stores=stores,
        )
        held_until_s = time.monotonic() + HELD_S / 4
        try:
            async for event in parts_of(request.content_type, parts.bounded(body)):
                match event:
                    case PartBegin():
                        await parts.begin(event)
                    case PartData():
                        await parts.add(event.data)
                    case PartEnd():
                        await parts.end()
                if time.monotonic() > held_until_s:
                    await self._threads.work(hold)
                    held_until_s = time.monotonic() + HELD_S / 4
        except UploadRefused as refused:
            refused.jobs = tuple(dict.fromkeys(parts.taken.jobs))
            raise
        finally:
            parts.drop()
        return parts.taken

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        """Wait for a free place; a body that waits is not read and costs no memory."""
        if self._waiting >= self._bounds.waiting:
            raise UploadsBusy("Too many uploads wait already.", remedy="Try again shortly.")
        self._waiting += 1
        try:
            await asyncio.wait_for(self._turns.acquire(), self._bounds.wait_s)
        except TimeoutError:
            raise UploadsBusy("Too many uploads at once.", remedy="Try again shortly.") from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()
