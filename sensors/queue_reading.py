"""One queue's reading, a batch at a time: receives, looks, records, and only then deletes. No Dagster.

A tick does, in this order:

1. see that the catalog answers: while it is away nothing is received, so no message's count of receives grows;
2. receive, waiting for the first message; decode; look at each object once, whatever the messages say of it;
3. record arrivals and dead letters, a transaction for each collection that is concerned;
4. delete. A reader that dies before has recorded what will be recorded again, which is no new arrival then.

Few deletions are recorded. Many at once are left to the source's sweep, which is brought forward and stops before it
deletes too much. What cannot be recorded is tried alone; after ``max_receives`` it is a dead letter, unless the queue
has a redrive policy, which then does with it what its owner wanted.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

from rag_core.arrivals import Observation, Presence
from rag_core.errors import DependencyUnavailable, RagError
from rag_core.messages.message import RejectKind
from resources.clients.aws.sqs import MOST_AT_ONCE, QueuedMessage, SqsQueue
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import QueueFigures, QueueReading
from sensors.queue_audience import QueueSources
from sensors.queue_batch import dead_letter, looked_at, meant_by

BATCH_MESSAGES = 100
_LOOKS_AT_ONCE = 16
_AGAIN_AFTER_S = 30
_SOON_S = 2
_FIGURES_EVERY_S = 10.0
_FORWARD_EVERY_S = 60.0
_log = logging.getLogger("rag.queues")

Place = tuple[str, str]
"""A collection's source."""


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


@dataclass(slots=True, kw_only=True)
class _Account:
    """What is counted while messages are handled, by source and of the queue."""

    sources: dict[Place, QueueReading] = field(default_factory=dict[Place, QueueReading])
    ignored: int = 0
    dead: int = 0

    def merge(self, other: "_Account") -> None:
        for place, added in other.sources.items():
            known = self.sources.get(place, QueueReading())
            self.sources[place] = QueueReading(
                messages=known.messages + added.messages,
                recorded=known.recorded + added.recorded,
                left_to_sweep=known.left_to_sweep + added.left_to_sweep,
            )
        self.ignored += other.ignored
        self.dead += other.dead


class QueueReader:
    """Reads one queue for all sources that declare it; one tick at a time."""

    def __init__(
        self,
        *,
        queue: SqsQueue,
        audience: Sequence[QueueSources],
        catalog: Catalog,
        max_receives: int,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._audience = audience
        self._catalog = catalog
        self._max_receives = max_receives
        self._clock_s = clock_s
        self._pool = ThreadPoolExecutor(_LOOKS_AT_ONCE, thread_name_prefix="looking")
        self._figures_at_s = -math.inf
        self._wanted: set[Place] = set()
        """Sources whose sweep has deletions to find."""
        self._forward_after_s: dict[Place, float] = {}

    def close(self) -> None:
        """Close the connections; a look that is under way is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._queue.close()

    def tick(self, *, wait_s: float) -> QueueTick:
        """Read what is there, a hundred messages at most, waiting up to ``wait_s`` for the first.

        Raises ``DependencyUnavailable`` while SQS or the catalog is away: nothing is lost.
        """
        self._catalog.ping()
        messages = self._receive(wait_s)
        account = _Account()
        undone: list[QueuedMessage] = []
        if messages:
            try:
                undone = self._handle_all(messages, account)
            except BaseException:
                with suppress(RagError):
                    self._queue.give_back(messages, after_s=_SOON_S)
                raise
        self._bring_sweeps_forward()
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
                some = self._queue.receive(wait_s=0)
                found += some
                more = bool(some)
        except DependencyUnavailable as error:  # what was received is not left lying for that
            _log.warning("%s", error)
        return found

    def _handle_all(self, messages: Sequence[QueuedMessage], account: _Account) -> list[QueuedMessage]:
        """Record messages together, or each alone where that fails; return those that are to come again."""
        try:
            self._handle(messages, account)
        except DependencyUnavailable:
            raise
        except Exception:  # noqa: BLE001 - one message must not stop the others
            _log.exception("%s: %d messages are tried one by one", self._queue.name, len(messages))
        else:
            return []
        undone: list[QueuedMessage] = []
        for each in messages:
            try:
                self._handle([each], account)
            except DependencyUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - whatever one message does, the others go on
                if not self._bury(each, error, account):
                    undone.append(each)
        return undone

    def _handle(self, messages: Sequence[QueuedMessage], account: _Account) -> None:
        """Record what messages announce; nothing is counted where anything fails."""
        counted = _Account()
        batch = meant_by(messages, self._audience, queue=self._queue.name)
        seen = looked_at(batch, self._pool, clock_s=self._clock_s)
        for index, who in enumerate(self._audience):
            name = who.collection.name
            present, left = self._within_bounds(who, {source: seen.get((name, source), []) for source in who.names})
            dead = {who.names[0]: batch.dead} if index == 0 and batch.dead else {}
            recorded = (
                self._catalog.queues.record(name, present, limits=who.limits, dead=dead) if present or dead else {}
            )
            now_s = self._clock_s()
            for source in who.names:
                gone = sum(each.presence is Presence.GONE for each in present.get(source, ()))
                who.deletions[source].spend(gone, now_s)
                new = recorded[source].new if source in recorded else 0
                counted.sources[name, source] = QueueReading(
                    messages=batch.messages.get((name, source), 0), recorded=new, left_to_sweep=left.get(source, 0)
                )
                if left.get(source):
                    self._wanted.add((name, source))
        counted.ignored, counted.dead = batch.ignored, len(batch.dead)
        account.merge(counted)

    def _within_bounds(
        self, who: QueueSources, seen: Mapping[str, Sequence[Observation]]
    ) -> tuple[dict[str, list[Observation]], dict[str, int]]:
        """Return what to record by source, and how many deletions are too many for that."""
        kept: dict[str, list[Observation]] = {}
        left: dict[str, int] = {}
        for source, observations in seen.items():
            gone = [each for each in observations if each.presence is Presence.GONE]
            known = frozenset[str]()
            if gone:
                known = self._catalog.queues.present(who.collection.name, source, [each.key for each in gone])
            gone = [each for each in gone if each.key in known]
            few = gone[: max(0, who.deletions[source].left(self._clock_s()))]
            left[source] = len(gone) - len(few)
            some = [*(each for each in observations if each.presence is Presence.PRESENT), *few]
            if some:
                kept[source] = some
        return kept, left

    def _bury(self, message: QueuedMessage, error: Exception, account: _Account) -> bool:
        """Write a message down as dead that failed often enough; False where it is to come again, or go elsewhere."""
        reason = str(error) if isinstance(error, RagError) else f"A defect: {type(error).__name__}; see the log."
        _log.error(
            "%s: message %s failed, received %d times: %s", self._queue.name, message.id, message.receives, reason
        )
        if message.receives < self._max_receives:
            return False
        with suppress(RagError):  # who may not look is not to be stopped by that
            if self._queue.has_redrive_policy():
                return False
        first = self._audience[0]
        letter = dead_letter(
            message,
            queue=self._queue.name,
            kind=RejectKind.NOT_RECORDED.value,
            reason=reason,
            remedy="Report it with the log; then replay the letter, or discard it. The sweep finds the object itself.",
        )
        self._catalog.queues.record(first.collection.name, {}, limits=first.limits, dead={first.names[0]: [letter]})
        account.dead += 1
        return True

    def _bring_sweeps_forward(self) -> None:
        """Let sweeps begin that deletions were left to, each once a minute at most; one under way is waited for."""
        now_s = self._clock_s()
        for place in list(self._wanted):
            is_due = now_s >= self._forward_after_s.get(place, -math.inf)
            if is_due and self._catalog.queues.bring_sweep_forward(*place):
                self._forward_after_s[place] = now_s + _FORWARD_EVERY_S
                self._wanted.discard(place)

    def _note(self, messages: Sequence[QueuedMessage], account: _Account) -> None:
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
