"""Recording what a queue's messages mean: a transaction for each collection, or message by message where that fails.

A collection that cannot be recorded keeps no other from it, a message that cannot keeps no other. Few deletions are
recorded; of many at once the rest is left to the source's sweep, which is marked as wanted before anything else.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rag_core.arrivals import Observation, Presence
from rag_core.errors import DependencyUnavailable
from resources.clients.aws.sqs import QueuedMessage
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import CatalogError, QueueReading
from sensors.queue_audience import Place, QueueSources
from sensors.queue_batch import Failed, Looks, QueueBatch, Said

ALONE_S = 30.0
"""How long messages of one batch are tried alone: with the looks before, well below the queue's own time limit."""

_OF_DATA = ("22", "23", "54")
"""Beginnings of PostgreSQL's codes for what may be one message's own: its values, a constraint, a limit."""

_log = logging.getLogger("rag.queues")


@dataclass(slots=True, kw_only=True)
class QueueAccount:
    """What one reading did, by source and of the queue; ``wanted`` sources have deletions that a sweep is to find."""

    sources: dict[Place, QueueReading] = field(default_factory=dict[Place, QueueReading])
    ignored: int = 0
    dead: int = 0
    wanted: set[Place] = field(default_factory=set[Place])

    def add(self, place: Place, added: QueueReading) -> None:
        """Add to a source's account."""
        known = self.sources.get(place, QueueReading())
        self.sources[place] = QueueReading(
            messages=known.messages + added.messages,
            recorded=known.recorded + added.recorded,
            left_to_sweep=known.left_to_sweep + added.left_to_sweep,
        )


@dataclass(slots=True, kw_only=True)
class Unrecorded:
    """What of a batch was not recorded: messages that failed, and those that there was no time for."""

    failed: dict[str, Failed] = field(default_factory=dict[str, Failed])
    """By the message's id: its first failure."""
    later: dict[str, QueuedMessage] = field(default_factory=dict[str, QueuedMessage])

    def add(self, failures: Sequence[Failed]) -> None:
        """Add failures of messages that had none yet."""
        for each in failures:
            self.failed.setdefault(each.message.id, each)


class QueueRecorder:
    """Records batches for all whom a queue concerns; ``beat`` is called while it goes on."""

    def __init__(
        self,
        *,
        audience: Sequence[QueueSources],
        catalog: Catalog,
        clock_s: Callable[[], float],
        beat: Callable[[], None],
    ) -> None:
        self._audience = audience
        self._catalog = catalog
        self._clock_s = clock_s
        self._beat = beat

    def record(self, batch: QueueBatch, looks: Looks, account: QueueAccount) -> Unrecorded:
        """Record a batch, and count what was; return what was not.

        Raises ``DependencyUnavailable`` while the catalog is away, and ``CatalogError`` where it takes none of a
        collection's messages, for a reason that is nothing of theirs, however often they are received.
        """
        unrecorded = Unrecorded()
        unrecorded.add(batch.failed)
        for said in batch.said:
            failed = [looks.failed[key] for key in said.objects if key in looks.failed]
            unrecorded.add([Failed(message=said.message, error=error) for error in failed])
        until_s, refused = math.inf, None
        for index, who in enumerate(self._audience):
            shares = [
                each
                for each in batch.said
                if each.message.id not in unrecorded.failed and (_concerns(each, who) or (index == 0 and each.letter))
            ]
            try:
                self._record(who, shares, looks, account)
            except DependencyUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - one message must not stop the others
                _log.exception("%s: %d messages are tried one by one", who.collection.name, len(shares))
                until_s = min(until_s, self._clock_s() + ALONE_S)
                alone = self._alone(who, shares, looks, account, unrecorded=unrecorded, error=error, until_s=until_s)
                refused = refused or alone
            self._beat()
        if refused is not None:
            raise refused
        account.ignored += batch.ignored
        return unrecorded

    def _alone(
        self,
        who: QueueSources,
        shares: Sequence[Said],
        looks: Looks,
        account: QueueAccount,
        *,
        unrecorded: Unrecorded,
        error: Exception,
        until_s: float,
    ) -> CatalogError | None:
        """Record each message by itself, as long as there is time; ``error`` is that of all together.

        Returns why the catalog takes none of them, if that is so and not for what is in them.
        """
        is_writable = False
        failed = [Failed(message=shares[0].message, error=error)] if len(shares) == 1 else []
        for each in shares if len(shares) > 1 else ():
            self._beat()
            if self._clock_s() >= until_s:
                unrecorded.later[each.message.id] = each.message
                continue
            try:
                is_writable |= self._record(who, [each], looks, account)
            except DependencyUnavailable:
                raise
            except Exception as own:  # noqa: BLE001 - whatever one message does, the others go on
                failed.append(Failed(message=each.message, error=own))
        refused = [each.error for each in failed if isinstance(each.error, CatalogError)]
        not_theirs = [error for error in refused if not error.sqlstate.startswith(_OF_DATA)]
        if not_theirs and not is_writable:
            return not_theirs[0]
        unrecorded.add(failed)
        return None

    def _record(self, who: QueueSources, shares: Sequence[Said], looks: Looks, account: QueueAccount) -> bool:
        """Record messages together, and count them once they are; False where there was nothing to write."""
        name = who.collection.name
        seen: dict[str, dict[str, Observation]] = {source: {} for source in who.names}
        messages = dict.fromkeys(who.names, 0)
        for share in shares:
            mine = [key for key in share.objects if key[0] == name]
            for _, source, key in mine:
                seen[source][key] = looks.found[name, source, key]
            for source in {source for _, source, _ in mine}:
                messages[source] += 1
        present, left = self._within_bounds(who, {source: list(found.values()) for source, found in seen.items()})
        letters = [each.letter for each in shares if each.letter is not None and who is self._audience[0]]
        for source in left:
            self._catalog.queues.want_sweep(name, source)
            account.wanted.add((name, source))
        dead = {who.names[0]: letters} if letters else {}
        recorded = self._catalog.queues.record(name, present, limits=who.limits, dead=dead) if present or dead else {}
        for source in who.names:
            gone = sum(each.presence is Presence.GONE for each in present.get(source, ()))
            who.deletions[source].spend(gone, self._clock_s())
            new = recorded[source].new if source in recorded else 0
            account.add(
                (name, source),
                QueueReading(messages=messages[source], recorded=new, left_to_sweep=left.get(source, 0)),
            )
        account.dead += len(letters)
        return bool(present or dead)

    def _within_bounds(
        self, who: QueueSources, seen: Mapping[str, Sequence[Observation]]
    ) -> tuple[dict[str, list[Observation]], dict[str, int]]:
        """Return what to record by source, and how many deletions are too many for that, where any are."""
        kept: dict[str, list[Observation]] = {}
        left: dict[str, int] = {}
        for source, observations in seen.items():
            gone = [each for each in observations if each.presence is Presence.GONE]
            there = [each for each in observations if each.presence is Presence.PRESENT]
            known = self._of_keys(self._catalog.queues.present, who, source, gone)
            # A look that is due already sees what this one would be recorded for, however often a message comes.
            unseen = [each for each in there if not each.announced]
            due = self._of_keys(self._catalog.queues.due_unseen, who, source, unseen)
            gone = [each for each in gone if each.key in known]
            few = gone[: max(0, who.deletions[source].left(self._clock_s()))]
            if len(gone) > len(few):
                left[source] = len(gone) - len(few)
            some = [*(each for each in there if each.announced or each.key not in due), *few]
            if some:
                kept[source] = some
        return kept, left

    @staticmethod
    def _of_keys(
        ask: Callable[[str, str, list[str]], frozenset[str]], who: QueueSources, source: str, some: list[Observation]
    ) -> frozenset[str]:
        return ask(who.collection.name, source, [each.key for each in some]) if some else frozenset()


def _concerns(said: Said, who: QueueSources) -> bool:
    return any(collection == who.collection.name for collection, _, _ in said.objects)
