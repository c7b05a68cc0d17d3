"""Who asked, uploaded and changed what: routes say it in a note, one line in the audit log is written afterwards.

Requests do not wait for the log. A thread of its own appends what was noted, within a second; while the catalog is
away the entries wait, no more of them than ``MAX_WAITING``, and the server's log says how many were lost beyond.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from query_api.authentication import AccessEnded, caller_in
from query_api.correlation import request_id, state_of
from rag_core.callers import Caller
from rag_core.errors import DependencyUnavailable, RagError
from resources.clients.catalog.audit import AuditEntry

MAX_SUBJECT_CHARACTERS = 500
MAX_WAITING = 20_000
_AT_ONCE = 1000
_GATHERED_S = 0.5
_RETRY_S = 2.0
_PRUNE_EVERY_S = 3600.0
_log = logging.getLogger("query_api")

Append = Callable[[Sequence[AuditEntry]], None]


@dataclass(slots=True)
class Note:
    """What a request is about; one that nobody writes into is not kept."""

    action: str = ""
    collection: str = ""
    subject: str = ""

    def of(self, action: str, *, collection: str = "", subject: str = "") -> None:
        """Say what is asked for: an action (``ask``, ``upload``), and the question or the names of files."""
        self.action, self.collection = action, collection
        self.subject = subject.replace("\0", "").encode("utf-8", "replace").decode()[:MAX_SUBJECT_CHARACTERS]


class Auditing:
    """ASGI middleware: gives each request a note, and what was noted to ``keep`` when the response has ended."""

    def __init__(self, app: ASGIApp, *, keep: Callable[[AuditEntry], None]) -> None:
        self._app = app
        self._keep = keep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and keep its note afterwards."""
        caller = caller_in(scope) if scope["type"] == "http" else None
        if caller is None:
            await self._app(scope, receive, send)
            return
        note = state_of(scope)["note"] = Note()
        status: int | None = None
        at, began_s = datetime.now(UTC), time.monotonic()

        async def send_and_see(message: Message) -> None:
            nonlocal status
            await send(message)
            if message["type"] == "http.response.start":
                status = message["status"]

        try:
            await self._app(scope, receive, send_and_see)
        except AccessEnded as ended:
            status = status or ended.answer.status_code
            raise
        finally:
            if note.action:
                self._keep(_entry(note, caller, at=at, status=status or 500, duration_s=time.monotonic() - began_s))


class AuditTrail:
    """Appends entries in a thread that begins with the first of them and ends with ``close``."""

    def __init__(self, append: Append, *, prune: Callable[[], object] = lambda: None) -> None:
        self._append = append
        self._prune = prune
        self._waiting: deque[AuditEntry] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._lost = 0
        self._pruned_at_s = float("-inf")

    def keep(self, entry: AuditEntry) -> None:
        """Take an entry; it is appended within a second where the catalog answers."""
        with self._changed:
            if len(self._waiting) >= MAX_WAITING:
                self._lost += 1
                return
            self._waiting.append(entry)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Append what waits, in one last attempt."""
        with self._changed:
            self._closing = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()
        if self._lost or self._waiting:
            _log.error("%d entries of the audit log were lost.", self._lost + len(self._waiting))

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._closing:
                    self._changed.wait_for(lambda: self._closing or len(self._waiting) >= _AT_ONCE, _GATHERED_S)
                closing = self._closing
            is_away = not self._flush()
            if closing:
                return
            if is_away:
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, _RETRY_S)

    def _flush(self) -> bool:
        """Append everything that waits; return whether the catalog answered."""
        while batch := [self._waiting[at] for at in range(min(_AT_ONCE, len(self._waiting)))]:
            try:
                self._append(batch)
            except DependencyUnavailable as error:
                _log.warning("The audit log waits, %d entries: %s", len(self._waiting), error)
                return False
            except RagError:
                _log.exception("%d entries of the audit log cannot be kept.", len(batch))
            for _ in batch:
                self._waiting.popleft()
        self._forget_old_ones()
        return True

    def _forget_old_ones(self) -> None:
        if time.monotonic() - self._pruned_at_s < _PRUNE_EVERY_S:
            return
        self._pruned_at_s = time.monotonic()
        try:
            self._prune()
        except RagError as error:
            _log.warning("Old entries of the audit log are still there: %s", error)


def _entry(note: Note, caller: Caller, *, at: datetime, status: int, duration_s: float) -> AuditEntry:
    return AuditEntry(
        at=at,
        request_id=request_id.get(),
        key_id=caller.key_id or "",
        key_name=caller.name,
        action=note.action,
        collection=note.collection,
        subject=note.subject,
        status=status,
        duration_ms=round(duration_s * 1000),
    )
