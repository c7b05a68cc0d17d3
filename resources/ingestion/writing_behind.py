"""Writing behind: one piece is stored and written while the next is chunked and embedded."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from resources.ingestion.batch import BatchWork
from resources.ingestion.pieces import Prepared

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class WriteBehind:
    """Concludes at most one piece at a time in a thread of its own; whoever comes next hears how it ended.

    ``settled`` is told the arrivals of each piece that was concluded.
    """

    executor: Executor
    work: BatchWork
    settled: Callable[[Sequence[int]], None]
    _written: Future[None] | None = field(default=None, init=False)
    _numbers: Sequence[int] = field(default=(), init=False)

    def write(self, prepared: Prepared) -> None:
        """Begin to conclude a piece, once the one before it is; raises what ended that one."""
        self.wait()
        self._numbers = [one.task.arrival.number for one in prepared.results]
        self._written = self.executor.submit(self.work.conclude, prepared)

    def wait(self) -> None:
        """Return when nothing is being written any more; raises what ended the last piece."""
        written, self._written = self._written, None
        if written is not None:
            written.result()
            self.settled(self._numbers)

    def wait_whatever_happens(self) -> Exception | None:
        """Let the last piece end because the run does, for another reason; return what ended it, too."""
        try:
            self.wait()
        except Exception as error:  # noqa: BLE001 - the run has its reason to end already
            _log.warning("What was being written has ended too: %s", error, exc_info=error)
            return error
        return None
