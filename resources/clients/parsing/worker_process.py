"""One worker process, seen from outside: started, talked to under a clock and a memory watch, killed."""

import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from rag_core.parsed import JsonValue
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.progress import PageWatch
from resources.clients.parsing.wire import LENGTHS, MAX_HEADER_BYTES, NonsenseError, packed_header, unpacked_header

_PROJECT_ROOT = Path(__file__).resolve().parents[3]
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH")
_TICK_MS = 20
_PIECE_BYTES = 256 * 1024
_MAXRSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class WorkerLostError(Exception):
    """The worker is no more; ``page`` is the page that it was reading and that is to blame, 0 for none."""

    def __init__(self, message: str = "", *, page: int) -> None:
        super().__init__(message)
        self.page = page


class WorkerDiedError(WorkerLostError):
    """The worker ended by itself in the middle of a request; ``peak_bytes`` is the most memory it ever held."""

    def __init__(self, exit_code: int, *, peak_bytes: int, page: int) -> None:
        super().__init__(f"exit code {exit_code}", page=page)
        self.exit_code = exit_code
        self.peak_bytes = peak_bytes


class WorkerTooSlowError(WorkerLostError):
    """The clock ran out; the worker has been killed."""


class WorkerTooLargeError(WorkerLostError):
    """The worker grew beyond its memory limit; it has been killed."""


class WorkerProcess:
    """A worker in a session of its own, in an empty folder, with an environment that holds no secret.

    The kernel kills it when the thread that started it ends (PR_SET_PDEATHSIG knows threads, not processes), so that
    thread must live as long as the worker is wanted.
    """

    def __init__(self, limits: ParseLimits, *, folder: Path, module: str) -> None:
        self._limits = limits
        self.documents = 0
        self.started_with_bytes = 0
        # The kernel counts our own peak as the child's until its exec: below it, the child's own is not known.
        self._inherited_peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT_BYTES
        self.pages = PageWatch()
        arguments = [str(limits.max_memory_bytes), str(os.getpid()), str(self.pages.descriptor)]
        self._process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-B", "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
            pass_fds=(self.pages.descriptor,),
        )
        if self._process.stdin is None or self._process.stdout is None:
            message = "a worker has pipes"
            raise RuntimeError(message)
        self._to_worker, self._from_worker = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._to_worker, False)
        os.set_blocking(self._from_worker, False)

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    def wait_until_ready(self, timeout_s: float) -> None:
        """Wait for the worker to have loaded its parsers; raises like ``ask``."""
        self._receive(time.monotonic() + timeout_s)

    def ask(
        self, request: Mapping[str, object], body: Iterable[bytes], body_bytes: int
    ) -> tuple[dict[str, JsonValue], bytes]:
        """Send a request, return the answer's header and body.

        The worker reads all of a request before it writes, and both ends are polled, so neither side can wait for the
        other for ever. Raises ``WorkerDiedError``, ``WorkerTooSlowError``, ``WorkerTooLargeError`` or
        ``NonsenseError``; after any of them the worker is of no more use.
        """
        deadline = time.monotonic() + self._limits.timeout_s
        self.documents += 1
        self.pages.reset()
        self._send(packed_header(request, body_bytes), deadline)
        for piece in body:
            self._send(piece, deadline)
        return self._receive(deadline)

    def resident_bytes(self) -> int:
        """Return the memory that the worker holds now; 0 where the system does not tell."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_bytes().split()[1]) * _PAGE_BYTES
        except (OSError, IndexError, ValueError):
            return 0

    def kill(self) -> tuple[int, int]:
        """End the worker and whatever it may have started; return its exit code and its peak memory in bytes."""
        self.interrupt()
        return self._reaped()

    def interrupt(self) -> None:
        """Send the kill without waiting; a thread in the middle of ``ask`` then raises ``WorkerDiedError``."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)  # its whole session, once it has one
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _reaped(self) -> tuple[int, int]:
        self.pages.close()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        if self._process.returncode is not None:
            return self._process.returncode, 0
        try:
            _, status, usage = os.wait4(self.pid, 0)
        except ChildProcessError:  # somebody else in this process waits for every child
            self._process.returncode = -signal.SIGKILL
            return self._process.returncode, 0
        self._process.returncode = os.waitstatus_to_exitcode(status)
        peak_bytes = usage.ru_maxrss * _MAXRSS_UNIT_BYTES
        return self._process.returncode, peak_bytes if peak_bytes > self._inherited_peak_bytes else 0

    def _send(self, piece: bytes, deadline: float) -> None:
        left = memoryview(piece)
        while left:
            self._wait(self._to_worker, select.POLLOUT, deadline)
            try:
                left = left[os.write(self._to_worker, left[:_PIECE_BYTES]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise self._died() from None

    def _receive(self, deadline: float) -> tuple[dict[str, JsonValue], bytes]:
        header_bytes, body_bytes = LENGTHS.unpack(self._read(LENGTHS.size, deadline))
        if header_bytes > MAX_HEADER_BYTES or body_bytes > self._limits.max_text_bytes:
            raise NonsenseError("the answer is larger than any answer")
        header = unpacked_header(self._read(header_bytes, deadline))
        return header, self._read(body_bytes, deadline)

    def _read(self, count: int, deadline: float) -> bytes:
        data = bytearray()
        while len(data) < count:
            self._wait(self._from_worker, select.POLLIN, deadline)
            try:
                piece = os.read(self._from_worker, min(count - len(data), _PIECE_BYTES))
            except BlockingIOError:
                continue
            if not piece:
                raise self._died()
            data += piece
        return bytes(data)

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        """Wait until a pipe moves; every tick look at the clock and at the worker's memory."""
        poll = select.poll()
        poll.register(descriptor, event)
        while not poll.poll(_TICK_MS):
            if self.resident_bytes() > self._limits.max_memory_bytes:
                page = self.pages.page()
                self.kill()
                raise WorkerTooLargeError(page=page)
            if time.monotonic() > deadline:
                raise self._too_slow()
        if time.monotonic() > deadline:  # a worker that trickles is slow too
            raise self._too_slow()

    def _too_slow(self) -> WorkerTooSlowError:
        """End a worker that is late; a page is to blame if it alone took half of the time."""
        page = self.pages.page(for_at_least_s=self._limits.timeout_s / 2)
        self.kill()
        return WorkerTooSlowError(page=page)

    def _died(self) -> WorkerDiedError:
        """Reap a worker that closed its pipe; one that did so without ending is ended."""
        page = self.pages.page()
        exit_code, peak_bytes = self._ended() or self.kill()
        return WorkerDiedError(exit_code, peak_bytes=peak_bytes, page=page)

    def _ended(self) -> tuple[int, int] | None:
        for _ in range(200):  # the pipe closes a moment before the process can be reaped
            with suppress(ChildProcessError):
                if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                    return self._reaped()
            time.sleep(0.005)
        return None


def _environment(folder: Path) -> dict[str, str]:
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        **passed,
        "PYTHONPATH": str(_PROJECT_ROOT),
        "PYTHONUTF8": "1",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "MALLOC_ARENA_MAX": "1",
    }
