"""Every so often: months for the next messages, and old ones away; whichever process comes first does it."""

import logging
import random
import threading
from collections.abc import Callable

from rag_core.errors import RagError
from resources.clients.catalog import Catalog

FIRST_S = 20.0
EVERY_S = 3600.0
_log = logging.getLogger("query_api")


class SessionUpkeep:
    """A thread that prunes from ``start`` to ``close``; what fails is tried again at the next time.

    ``warm_days`` and ``keep_days`` are 0 for never.
    """

    def __init__(
        self,
        catalog: Callable[[], Catalog],
        *,
        warm_days: int,
        keep_days: int,
        first_s: float = FIRST_S,
        every_s: float = EVERY_S,
    ) -> None:
        self._catalog = catalog
        self._warm_days = warm_days or None
        self._keep_days = keep_days or None
        self._first_s = first_s
        self._every_s = every_s
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; the first pruning waits a little, so that a process that restarts often prunes little."""
        self._thread = threading.Thread(target=self._run, name="sessions", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End, after the pruning that runs."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        wait_s = self._first_s
        while not self._closing.wait(wait_s):
            self._prune()
            wait_s = self._every_s * random.uniform(0.9, 1.1)  # noqa: S311 - processes started together part

    def _prune(self) -> None:
        try:
            done = self._catalog().kept_messages.prune(warm_days=self._warm_days, keep_days=self._keep_days)
        except RagError as error:
            _log.warning("Old sessions are still there: %s", error)
            return
        if done.months_dropped or done.sessions_deleted:
            _log.info("Sessions: months %s dropped, %d deleted.", done.months_dropped, done.sessions_deleted)
