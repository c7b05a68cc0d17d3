"""The door to the parsers: documents in, values or rejections out, hostile bytes kept in processes of their own."""

import errno
import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeAlias

from rag_core.errors import DependencyUnavailable, DocumentRejected, DocumentUnavailable, QuarantineKind
from rag_core.parsed import ParsedDocument
from resources.clients.parsing.limits import MIB, ParseLimits
from resources.clients.parsing.rejections import crashed, document_too_large, too_much_memory, too_slow
from resources.clients.parsing.streaming import in_parallel
from resources.clients.parsing.wire import NonsenseError, received
from resources.clients.parsing.worker_process import (
    WorkerDiedError,
    WorkerLostError,
    WorkerProcess,
    WorkerTooLargeError,
    WorkerTooSlowError,
)
from resources.clients.scratch_folders import scratch_folder

ParseResult: TypeAlias = ParsedDocument | DocumentRejected | DocumentUnavailable

_START_TIMEOUT_S = 60.0
_MAX_GROWTH_BYTES = 192 * MIB
_MAX_LOST_PAGES = 3
_PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseJob:
    """A document to parse (bytes or a local file) and what is claimed about it; ``reference`` is the caller's own."""

    source: bytes | Path = field(repr=False)
    name: str
    media_type_hint: str | None = None
    passwords: Sequence[str] = field(default=(), repr=False)
    reference: str = ""


class PageLostError(Exception):
    """Reading one page ended a worker; ``rejected`` is what becomes of the document if it cannot do without it."""

    def __init__(self, page: int, rejected: DocumentRejected) -> None:
        super().__init__(f"page {page}")
        self.page = page
        self.rejected = rejected


class ParserSandbox:
    """Parses documents in worker processes that can be killed; safe to use from several threads, not across a fork.

    A worker serves many documents and is replaced after ``documents_per_worker`` of them, when it has grown, and after
    every failure. Closing the sandbox ends all workers, and the kernel does so if this process dies.
    """

    def __init__(
        self,
        limits: ParseLimits | None = None,
        *,
        documents_per_worker: int = 500,
        worker_module: str = "resources.clients.parsing.worker",
    ) -> None:
        self.limits = limits or ParseLimits()
        self._documents_per_worker = documents_per_worker
        self._worker_module = worker_module
        self._owner_pid = os.getpid()
        self._lock = threading.Lock()
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._folder: Path | None = None
        self._opened = ExitStack()
        self._starter: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        """Open the sandbox; the first worker starts with the first document."""
        self._folder = self._opened.enter_context(scratch_folder("rag-parsing-")) / "empty"
        self._folder.mkdir()
        # Workers die with the thread that started them, so one thread starts them all and lives until the end.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="parser-starter")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End every worker and remove the folder."""
        with self._lock:
            idle, self._idle = self._idle, []
            for worker in self._busy:
                worker.interrupt()
            starter, self._starter = self._starter, None
            self._folder = None
        for worker in idle:
            worker.kill()
        if starter is not None:
            starter.shutdown()
        self._opened.close()

    def start_worker(self) -> None:
        """Start a worker before there is a document for it; raises ``DependencyUnavailable`` if none can be."""
        self._given_back(self._started(), healthy=True)

    def parse(
        self, source: bytes | Path, *, name: str, media_type_hint: str | None = None, passwords: Sequence[str] = ()
    ) -> ParsedDocument:
        """Return what one document says, within the limits.

        Raises ``DocumentRejected`` with the reason, ``DocumentUnavailable`` if a local file cannot be read, and
        ``DependencyUnavailable`` if no worker can be started at all. A document that kills its worker is tried once
        more in a fresh one, because the one before may have harmed the first; if that dies too, it is ``crashed``.
        Where a single page is to blame, the document is read without it, up to three times.
        """
        job = ParseJob(source=source, name=name, media_type_hint=media_type_hint, passwords=passwords)
        first: DocumentRejected | None = None
        skipped: list[int] = []
        while True:
            try:
                return self._survived(job, skipped)
            except PageLostError as lost:
                first = first or lost.rejected
                if lost.page in skipped or len(skipped) >= _MAX_LOST_PAGES:
                    raise first from None
                skipped.append(lost.page)
            except DocumentRejected as rejected:  # without the lost pages there is nothing left
                raise first or rejected from None

    def _survived(self, job: ParseJob, skipped: Sequence[int]) -> ParsedDocument:
        """Return what a worker reads; a death may be the worker's own fault, so it is tried twice."""
        try:
            return self._attempt(job, skipped, self._borrowed())
        except WorkerDiedError:
            pass
        try:
            return self._attempt(job, skipped, self._started())
        except WorkerDiedError as death:
            raise _lost(death, self._fatal(death)) from death

    def parse_many(self, jobs: Iterable[ParseJob], *, workers: int = 2) -> Iterator[tuple[ParseJob, ParseResult]]:
        """Yield each job with its result **as they get done, not in the order given**.

        At most ``workers`` documents are parsed and about as many results wait, so memory stays bounded however long
        the input is; it is read by and by, from other threads. Leaving the iterator early stops the rest.
        """
        return in_parallel(self._result, jobs, workers=workers)

    def _result(self, job: ParseJob) -> ParseResult:
        try:
            return self.parse(job.source, name=job.name, media_type_hint=job.media_type_hint, passwords=job.passwords)
        except (DocumentRejected, DocumentUnavailable) as failure:
            return failure

    def _attempt(self, job: ParseJob, skipped: Sequence[int], worker: WorkerProcess) -> ParsedDocument:
        """Let a worker parse a document; the worker goes back to the others only if all went well."""
        healthy = False
        page = 0
        try:
            result = self._asked(worker, job, skipped)
            healthy = not (isinstance(result, DocumentRejected) and result.kind is QuarantineKind.TOO_MUCH_MEMORY)
            page = 0 if healthy else worker.pages.page()
        except WorkerTooSlowError as slow:
            raise _lost(slow, too_slow(self.limits.timeout_s)) from None
        except WorkerTooLargeError as large:
            raise _lost(large, too_much_memory(self.limits.max_memory_bytes)) from None
        except NonsenseError as nonsense:
            raise crashed(str(nonsense)) from nonsense
        finally:
            self._given_back(worker, healthy=healthy)
        if isinstance(result, DocumentRejected):
            raise PageLostError(page, result) if page else result
        return result

    def _asked(self, worker: WorkerProcess, job: ParseJob, skipped: Sequence[int]) -> ParsedDocument | DocumentRejected:
        request = {
            "name": job.name,
            "media_type": job.media_type_hint,
            "passwords": list(job.passwords),
            "limits": asdict(replace(self.limits, skipped_pages=tuple(skipped))),
        }
        if isinstance(job.source, bytes):
            self._refuse_large(len(job.source))
            return received(*worker.ask(request, [job.source], len(job.source)))
        try:
            with job.source.open("rb") as file:
                size_bytes = os.fstat(file.fileno()).st_size
                self._refuse_large(size_bytes)
                return received(*worker.ask(request, _pieces(file, size_bytes), size_bytes))
        except OSError as error:
            raise DocumentUnavailable(f"The local copy of {job.name} cannot be read: {error.strerror}.") from error

    def _refuse_large(self, size_bytes: int) -> None:
        if size_bytes > self.limits.max_document_bytes:
            raise document_too_large(size_bytes, self.limits.max_document_bytes)

    def _borrowed(self) -> WorkerProcess:
        """Return an idle worker, or start one."""
        with self._lock:
            if self._idle:
                worker = self._idle.pop()
                self._busy.add(worker)
                return worker
        return self._started()

    def _started(self) -> WorkerProcess:
        starter, folder = self._starter, self._folder
        if starter is None or folder is None or os.getpid() != self._owner_pid:
            message = "a ParserSandbox is used inside its `with` block, in the process that opened it"
            raise RuntimeError(message)
        try:
            worker = starter.submit(WorkerProcess, self.limits, folder=folder, module=self._worker_module).result()
        except OSError as error:
            raise _cannot_start(str(error)) from error
        with self._lock:
            self._busy.add(worker)
        try:
            worker.wait_until_ready(_START_TIMEOUT_S)
        except (WorkerDiedError, WorkerTooSlowError, WorkerTooLargeError, NonsenseError) as error:
            self._given_back(worker, healthy=False)
            raise _cannot_start(str(error) or type(error).__name__) from error
        worker.started_with_bytes = worker.resident_bytes()
        return worker

    def _given_back(self, worker: WorkerProcess, *, healthy: bool) -> None:
        grown = worker.resident_bytes() - worker.started_with_bytes > _MAX_GROWTH_BYTES
        with self._lock:
            self._busy.discard(worker)
            if healthy and not grown and worker.documents < self._documents_per_worker and self._starter is not None:
                self._idle.append(worker)
                return
        worker.kill()

    def _fatal(self, death: WorkerDiedError) -> DocumentRejected:
        """Say why a document's second worker died."""
        if death.exit_code == -signal.SIGALRM:
            return too_slow(self.limits.timeout_s)
        if death.peak_bytes > 0.8 * self.limits.max_memory_bytes:
            return too_much_memory(self.limits.max_memory_bytes)
        if death.exit_code < 0:
            return crashed(f"killed by {signal.Signals(-death.exit_code).name}")
        return crashed(f"exit code {death.exit_code}")


def _lost(loss: WorkerLostError, rejected: DocumentRejected) -> Exception:
    """Return the page's loss where one is to blame, else the document's rejection."""
    return PageLostError(loss.page, rejected) if loss.page else rejected


def _pieces(file: BinaryIO, size_bytes: int) -> Iterator[bytes]:
    """Yield exactly so many bytes of a file; raises ``OSError`` if it has become shorter."""
    left = size_bytes
    while left:
        piece = file.read(min(left, _PIECE_BYTES))
        if not piece:
            raise OSError(errno.EIO, "it became shorter while it was read")
        left -= len(piece)
        yield piece


def _cannot_start(reason: str) -> DependencyUnavailable:
    return DependencyUnavailable(
        f"No parser process can be started: {reason}.",
        dependency="parser",
        remedy="Check that the `ingest` extra is installed and that processes and memory are to be had.",
    )
