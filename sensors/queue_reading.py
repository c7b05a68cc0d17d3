"""One queue's reading, a batch at a time: receives, looks, records, and only then deletes. No Dagster.

A tick does, in this order:

1. see that the catalog can be written: while it cannot, nothing is received, so no message's count of receives grows;
2. receive, waiting for the first message; decode; look at each object once, whatever the messages say of it;
3. record arrivals and dead letters, a transaction for each collection that is concerned;
4. delete. A reader that dies before has recorded what will be recorded again, which is no new arrival then.

Many deletions at once are left to the source's sweep, which is brought forward, also by the next reader, and stops
before it deletes too much. A message that cannot be recorded is a dead letter after ``max_receives``, unless the queue
has a redrive policy, which then does with it what its owner wanted. Where the catalog takes no message at all, none is
at fault, and all come again.
"""

import logging
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

from rag_core.errors import DependencyUnavailable, RagError
from rag_core.messages.message import RejectKind
from resources.clients.aws.connecting import AwsRefused
from resources.clients.aws.sqs import MOST_AT_ONCE, QueuedMessage, SqsQueue
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import QueueFigures, QueueReading
from sensors.queue_audience import Place, QueueSources
from sensors.queue_batch import Failed, dead_letter, looked_at, meant_by
from sensors.queue_recording import QueueAccount, QueueRecorder

BATCH_MESSAGES = 100
_LOOKS_AT_ONCE = 16
_AGAIN_AFTER_S = 30
_FIGURES_EVERY_S = 10.0
_FORWARD_EVERY_S = 60.0
_log = logging.getLogger("rag.queues")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTick:
    """What one reading did; ``undone`` messages come again, ``undeleted`` ones come again for nothing."""

    queue: str
    messages: int = 0
    recorded: int = 0
    ignored: int = 0
    dead: int = 0
    left_to_sweep: int = 0
    undone: int = 0
    undeleted: int = 0

    def described(self) -> str:
        """Return a sentence for the log."""
        more = {
            "of no source": self.ignored,
            "dead letters": self.dead,
            "deletions left to sweeps": self.left_to_sweep,
            "to be tried again": self.undone,
            "not deleted": self.undeleted,
        }
        rest = "".join(f", {count} {what}" for what, count in more.items() if count)
        return f"{self.queue}: {self.messages} messages, {self.recorded} new or changed{rest}."


class QueueReader:
    """Reads one queue for all sources that declare it; one tick at a time.

    ``swept_after_s`` is kept by whoever opens a reader anew; ``beat`` is called while a tick goes on.
    """

    def __init__(
        self,
        *,
        queue: SqsQueue,
        audience: Sequence[QueueSources],
        catalog: Catalog,
        max_receives: int,
        swept_after_s: dict[Place, float] | None = None,
        beat: Callable[[], None] = lambda: None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._audience = audience
        self._places = [(who.collection.name, source) for who in audience for source in who.names]
        self._recorder = QueueRecorder(audience=audience, catalog=catalog, clock_s=clock_s, beat=beat)
        self._catalog = catalog
        self._max_receives = max_receives
        self._beat = beat
        self._clock_s = clock_s
        self._pool = ThreadPoolExecutor(_LOOKS_AT_ONCE, thread_name_prefix="looking")
        self._figures_at_s = -math.inf
        self._wanted: set[Place] | None = None
        """Sources whose sweep has deletions to find; None until the catalog was asked what is left of earlier ones."""
        self._swept_after_s = {} if swept_after_s is None else swept_after_s

    def close(self) -> None:
        """Close the connections; a look that is under way is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._queue.close()

    def tick(self, *, wait_s: float) -> QueueTick:
        """Read what is there, a hundred messages at most, waiting up to ``wait_s`` for the first.

        Raises ``DependencyUnavailable`` while SQS or the catalog is away, and ``CatalogError`` where the catalog takes
        nothing: nothing is lost.
        """
        self._catalog.queues.touch(self._places)
        messages = self._receive(wait_s)
        self._beat()
        account = QueueAccount()
        undone: list[QueuedMessage] = []
        if messages:
            try:
                undone = self._handle_all(messages, account)
            except BaseException:
                with suppress(RagError):
                    self._queue.give_back(messages, after_s=_AGAIN_AFTER_S)
                raise
        self._bring_sweeps_forward(account)
        undeleted = self._queue.delete([each for each in messages if each not in undone]) if messages else 0
        if undone:
            self._queue.give_back(undone, after_s=_AGAIN_AFTER_S)
        self._note(messages, account)
        return QueueTick(
            queue=self._queue.name,
            messages=len(messages),
            recorded=sum(each.recorded for each in account.sources.values()),
            ignored=account.ignored,
            dead=account.dead,
            left_to_sweep=sum(each.left_to_sweep for each in account.sources.values()),
            undone=len(undone),
            undeleted=undeleted,
        )

    def _receive(self, wait_s: float) -> list[QueuedMessage]:
        """Receive until nothing more is there at once: one recording for many messages costs as one for ten."""
        found = self._queue.receive(wait_s=wait_s)
        more = len(found) == MOST_AT_ONCE
        try:
            while more and len(found) < BATCH_MESSAGES:
                self._beat()
                some = self._queue.receive(wait_s=0)
                found += some
                more = bool(some)
        except DependencyUnavailable as error:  # what was received is not left lying for that
            _log.warning("%s", error)
        return found

    def _handle_all(self, messages: Sequence[QueuedMessage], account: QueueAccount) -> list[QueuedMessage]:
        """Record what messages mean; return those that are to come again."""
        batch = meant_by(messages, self._audience, queue=self._queue.address)
        looks = looked_at(batch, self._pool, clock_s=self._clock_s)
        self._beat()
        unrecorded = self._recorder.record(batch, looks, account)
        undone = {each.message.id for each in unrecorded.failed.values() if not self._bury(each, account)}
        return [each for each in messages if each.id in undone or each.id in unrecorded.later]

    def _bury(self, failed: Failed, account: QueueAccount) -> bool:
        """Write a message down as dead that failed often enough; False where it is to come again, or go elsewhere."""
        message, error = failed.message, failed.error
        reason = str(error) if isinstance(error, RagError) else f"A defect: {type(error).__name__}; see the log."
        _log.error(
            "%s: message %s failed, received %d times: %s", self._queue.name, message.id, message.receives, reason
        )
        if message.receives < self._max_receives or self._is_moved_by_sqs():
            return False
        first = self._audience[0]
        letter = dead_letter(
            message,
            queue=self._queue.address,
            kind=RejectKind.NOT_RECORDED.value,
            reason=reason,
            remedy="Report it with the log; then replay the letter, or discard it. The sweep finds the object itself.",
        )
        self._catalog.queues.record(first.collection.name, {}, limits=first.limits, dead={first.names[0]: [letter]})
        account.dead += 1
        return True

    def _is_moved_by_sqs(self) -> bool:
        """Say whether SQS will move a message that fails; True, too, as long as nobody can say."""
        try:
            return self._queue.has_redrive_policy()
        except AwsRefused:  # who may not look is not to be stopped by that
            return False
        except RagError as error:
            _log.warning("%s", error)
            return True

    def _bring_sweeps_forward(self, account: QueueAccount) -> None:
        """Let sweeps begin that deletions were left to, each once a minute at most; one under way is waited for."""
        if self._wanted is None:
            self._wanted = {
                (who.collection.name, source)
                for who in self._audience
                for source in self._catalog.queues.wanted_sweeps(who.collection.name)
                if source in who.names
            }
        self._wanted |= account.wanted
        now_s = self._clock_s()
        for place in list(self._wanted):
            is_due = now_s >= self._swept_after_s.get(place, -math.inf)
            if is_due and self._catalog.queues.bring_sweep_forward(*place):
                self._swept_after_s[place] = now_s + _FORWARD_EVERY_S
                self._wanted.discard(place)

    def _note(self, messages: Sequence[QueuedMessage], account: QueueAccount) -> None:
        """Write the sources' accounts; how many messages wait is asked now and then."""
        figures: QueueFigures | None = None
        now_s = self._clock_s()
        if now_s - self._figures_at_s >= _FIGURES_EVERY_S:
            with suppress(RagError):  # the right to look may be missing; reading goes on
                figures = self._queue.figures()
            self._figures_at_s = now_s
        sent_ms = [each.sent_ms for each in messages if each.sent_ms]
        oldest_s = max(0.0, time.time() - min(sent_ms) / 1000) if sent_ms else None
        for who in self._audience:
            for source in who.names:
                place = who.collection.name, source
                added = replace(account.sources.get(place, QueueReading()), ignored=account.ignored, dead=account.dead)
                self._catalog.queues.note(*place, self._queue.name, added=added, figures=figures, oldest_s=oldest_s)
