"""The pool: one process without threads that has imported everything, and keeps workers forked from it waiting.

It takes no run itself and knows of none: workers accept on its socket, records say who has what. So it can be killed at
any moment; its workers end with it, and those of the next pool see to what was left.
"""

import contextlib
import logging
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

from local_stack.parent_death import end_with_parent
from local_stack.warm_runs.code_state import CodeState
from local_stack.warm_runs.importing import thread_names
from local_stack.warm_runs.records import RunRecords

_log = logging.getLogger("rag.run-workers")
_NOTICE: Final = struct.Struct("=ic")
_READY, _BUSY = b"r", b"b"
LONGEST_PAUSE_S = 10.0
LOOK_AT_CODE_EVERY_S = 2.0
REST_S = 1.5
"""While another worker waits, the next is forked this much later: its opening would take the run's processor time."""
END_LIMIT_S = 20.0


class Pool:
    """Keeps ``idle`` workers waiting, and never more than ``most`` processes at once."""

    def __init__(
        self,
        listener: socket.socket,
        records: RunRecords,
        code: CodeState,
        *,
        idle: int,
        most: int,
        start_anew: Callable[[socket.socket], None],
    ) -> None:
        self._listener = listener
        self._records = records
        self._code = code
        self._idle = idle
        self._most = most
        self._start_anew = start_anew
        self._workers: dict[int, bool] = {}
        """Process → is it busy with a run; one that is still opening things counts as waiting."""
        self._ready: set[int] = set()
        self._pause_s = 0.0
        self._fork_at_s = 0.0
        self._is_ending = False
        self._notices, self._notify = os.pipe()
        self._lifeline, self._held_lifeline = os.pipe()
        os.set_blocking(self._notices, False)

    def serve(self) -> None:
        """Keep workers until SIGTERM; then let the running ones end in order."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake select
        waking, wake = os.pipe()
        for end in (waking, wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake)
        _log.info("threads of the parent: %s", ", ".join(thread_names()))
        while not self._is_ending:
            self._reap()
            if CodeState.now() != self._code:
                _log.info("the code has changed: importing it anew")
                self._start_anew(self._listener)
            self._fork_missing()
            select.select([self._notices, waking], [], [], LOOK_AT_CODE_EVERY_S)
            with contextlib.suppress(BlockingIOError):
                os.read(waking, 4096)
            self._hear()
        self._end()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._is_ending = True

    def _fork_missing(self) -> None:
        now_s = time.monotonic()
        waiting = sum(not busy for busy in self._workers.values())
        while waiting < self._idle and len(self._workers) < self._most and now_s >= self._fork_at_s:
            self._fork()
            waiting += 1

    def _fork(self, *, to_bury: bool = False) -> None:
        """Fork a worker, or one who only sees to the runs of those that died."""
        parent = os.getpid()
        pid = os.fork()
        if pid:
            if not to_bury:
                self._workers[pid] = False
            return
        from local_stack.warm_runs.worker import Worker, become_worker

        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        end_with_parent(signal.SIGTERM, parent=parent)
        os.close(self._held_lifeline)
        os.close(self._notices)
        worker = Worker(
            listener=self._listener,
            lifeline=self._lifeline,
            records=self._records,
            code=self._code,
            say_ready=lambda: self._say(_READY),
            say_busy=lambda: self._say(_BUSY),
        )
        become_worker(worker.bury_the_dead if to_bury else worker.serve)

    def _say(self, what: bytes) -> None:
        os.write(self._notify, _NOTICE.pack(os.getpid(), what))

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for pid, what in _NOTICE.iter_unpack(os.read(self._notices, _NOTICE.size * 256)):
                if pid in self._workers:
                    self._workers[pid] = what == _BUSY
                    self._pause_s = 0.0
                    self._ready.add(pid)
                    if what == _BUSY and any(not busy for busy in self._workers.values()):
                        self._fork_at_s = time.monotonic() + REST_S

    def _reap(self) -> None:
        """Take notice of workers that ended; one that ended before it was ready delays the next, ever longer."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                code = os.waitstatus_to_exitcode(status)
                was_busy = self._workers.pop(pid, False)
                if code != 0:
                    _log.warning("process %d ended: %s", pid, code)
                if was_busy and code != 0:
                    self._fork(to_bury=True)
                if pid not in self._ready and code != 0:
                    self._pause_s = min(LONGEST_PAUSE_S, max(0.5, self._pause_s * 2))
                    self._fork_at_s = time.monotonic() + self._pause_s
                self._ready.discard(pid)

    def _end(self) -> None:
        self._listener.close()
        for pid in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        ends = time.monotonic() + END_LIMIT_S
        while self._workers and time.monotonic() < ends:
            self._reap()
            time.sleep(0.05)
        for pid in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        sys.stdout.flush()
