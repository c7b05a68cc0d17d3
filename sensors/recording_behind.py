"""Recording one batch of messages while the next is read and decoded: in order, one at a time."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from rag_core.streaming import StreamState
from resources.clients.catalog.values import RecordedMessages
from sensors.stream_batch import StreamBatch

Record = Callable[[StreamBatch, StreamState, int], RecordedMessages]
"""Records a batch with the state after it, if the position still has the version given."""


class RecordingBehind:
    """Records batches behind the reading, from the position's ``version`` on; the ``with`` block waits for the last."""

    def __init__(self, record: Record, *, version: int) -> None:
        self._record = record
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recording")
        self._begun: Future[RecordedMessages] | None = None
        self.version = version
        self.recorded: list[RecordedMessages] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(wait=True)

    def begin(self, batch: StreamBatch, state: StreamState) -> None:
        """Wait for the batch before, then record this one in the background; raises what that one's recording did."""
        self.wait()
        self._begun = self._executor.submit(self._record, batch, state, self.version)

    def wait(self) -> None:
        """Return when everything begun is recorded; raises ``PositionMoved`` and what the catalog raises."""
        begun, self._begun = self._begun, None
        if begun is not None:
            self.recorded.append(begun.result())
            self.version += 1
