"""The parts of one upload request, one after the other: fields first, then each file to its place."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from query_api.correlation import trace_parent
from query_api.uploading.bounds import UploadBounds
from query_api.uploading.declared import Target, Targets
from query_api.uploading.multipart import PartBegin
from query_api.uploading.receiving import ReceivedFile
from query_api.uploading.refusals import UploadRefused, request_too_large
from query_api.uploading.threads import Threads
from rag_core.callers import Caller
from rag_core.identity import Json, fingerprint
from resources.clients.catalog import Catalog

_MAX_FIELD_BYTES = 256


@dataclass(slots=True, kw_only=True)
class Taken:
    """What became of a request's files; ``seen`` is what makes it the same request when it comes again."""

    jobs: list[UUID] = field(default_factory=list[UUID])
    refused: list[tuple[str, UploadRefused]] = field(default_factory=list[tuple[str, UploadRefused]])
    seen: list[Json] = field(default_factory=list[Json])

    @property
    def fingerprint(self) -> str:
        """Return the request's fingerprint: collection, names and bytes, in their order."""
        return fingerprint(self.seen)


class Parts:
    """Takes the parts of one request; ``stores``: false only checks and hashes them."""

    def __init__(
        self,
        *,
        collection: str | None,
        caller: Caller,
        seen: Callable[[str, str], None],
        targets: Targets,
        catalog: Catalog,
        threads: Threads,
        bounds: UploadBounds,
        stores: bool,
    ) -> None:
        self.taken = Taken()
        self._collection = collection
        self._caller = caller
        self._seen = seen
        self._targets = targets
        self._catalog = catalog
        self._threads = threads
        self._bounds = bounds
        self._stores = stores
        self._target: Target | None = None
        self._field: bytearray | None = None
        self._file: ReceivedFile | None = None
        self._name = ""
        self._gathered = bytearray()
        self._files = 0

    async def begin(self, part: PartBegin) -> None:
        """Begin a field or a file; a file with an unusable name is passed over, and the others go on."""
        if part.filename is None:
            self._begin_field(part.name)
            return
        target = await self._resolved()
        self._files += 1
        if self._files > target.uploads.max_files:
            raise UploadRefused(
                413,
                f"The request brings more than {target.uploads.max_files} files.",
                remedy="Send fewer at a time, or raise uploads.max_files in the collection file.",
                ends_request=True,
            )
        self._name = part.filename
        self._seen(target.collection.name, part.filename)
        try:
            self._file = ReceivedFile(
                target,
                self._catalog,
                uploader=self._caller.namespace,
                given_name=part.filename,
                stated_type=part.content_type,
                stores=self._stores,
                traceparent=trace_parent.get(),
            )
        except UploadRefused as refused:
            self._refuse(refused)

    async def add(self, data: bytes) -> None:
        """Take bytes of the part that began last."""
        if self._field is not None:
            self._field += data
            if len(self._field) > _MAX_FIELD_BYTES:
                raise UploadRefused(422, "A form field is too long.", remedy="Send only `collection`.")
        elif self._file is not None:
            self._gathered += data
            if len(self._gathered) >= self._bounds.write_bytes:
                await self._flush(self._file)

    async def end(self) -> None:
        """End the part; a file is stored and recorded."""
        if self._field is not None:
            self._collection = self._field.decode("utf-8", "replace").strip()
            self._field = None
        elif self._file is not None:
            await self._finish(self._file)

    def drop(self) -> None:
        """Leave nothing of a file behind that is not whole."""
        if self._file is not None:
            self._file.drop()
            self._file = None

    async def bounded(self, body: AsyncIterable[bytes]) -> AsyncGenerator[bytes]:
        """Yield the body within its limits of size and time; raises ``UploadRefused`` (408, 413) beyond them."""
        chunks = aiter(body)
        ends_at_s = time.monotonic() + self._bounds.longest_s
        limit = await self._threads.work(lambda: self._targets.max_request_bytes(self._caller))
        size = 0
        while True:
            try:
                left_s = min(self._bounds.idle_s, ends_at_s - time.monotonic())
                chunk = await asyncio.wait_for(anext(chunks), max(0.0, left_s))
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise UploadRefused(
                    408, "The body stopped coming.", remedy="Send it again over a faster line.", ends_request=True
                ) from None
            size += len(chunk)
            if self._target is not None:
                limit = self._target.uploads.max_request_bytes
            if limit and size > limit:
                raise request_too_large(limit)
            yield chunk

    def _begin_field(self, name: str) -> None:
        if name != "collection" or self._target is not None or self._collection is not None:
            raise UploadRefused(
                422,
                f"The form field {name[:64]!r} means nothing here.",
                remedy="Send `collection` once (as a field before the files, or in the query), and files.",
            )
        self._field = bytearray()

    async def _resolved(self) -> Target:
        if self._target is None:
            self._target = await self._threads.work(lambda: self._targets.of(self._collection, self._caller))
            self.taken.seen.append(self._target.collection.name)
        return self._target

    async def _flush(self, file: ReceivedFile) -> None:
        gathered, self._gathered = bytes(self._gathered), bytearray()
        try:
            await self._threads.work(lambda: file.write(gathered))
        except UploadRefused as refused:
            if refused.ends_request:
                raise
            self._refuse(refused)

    async def _finish(self, file: ReceivedFile) -> None:
        if self._gathered:
            await self._flush(file)
        if self._file is None:
            return
        try:
            await self._threads.work(file.whole)
        except UploadRefused as refused:
            self._refuse(refused)
            return
        if self._stores:
            self.taken.jobs.append(await self._threads.record(file.record))
        self.taken.seen.append([file.name, file.size_bytes, file.sha256])
        self.drop()

    def _refuse(self, refused: UploadRefused) -> None:
        self.taken.refused.append((self._name, refused))
        self.taken.seen.append([self._name, refused.status])
        self._gathered.clear()
        self.drop()
