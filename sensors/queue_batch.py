"""From a queue's messages to what is to be recorded of them: whom each concerns, and what its objects' stores say.

Each object is looked at once, however many messages are about it, some at once. An object that cannot be looked at now
(its store is away, or there is no time left) is recorded without a version: the run that reads it looks.
"""

import hashlib
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace

from rag_core.arrivals import Observation, Presence
from rag_core.errors import ConfigurationError, DependencyUnavailable, DocumentUnavailable, InvalidRequest
from rag_core.messages.dead_letters import NewDeadLetter
from rag_core.messages.message import MessageRejected, ObjectHint
from rag_core.messages.ordering import MessagePlace
from rag_core.messages.queued import queued_hints
from resources.clients.aws.sqs import QueuedMessage
from sensors.object_hints import ObjectPlace
from sensors.queue_audience import QueueSources
from sensors.stream_batch import storable

LOOK_S = 30.0
"""How long objects of one batch are looked at; with what is begun then, well below the queue's own time limit."""

QUEUE_TOPIC = "sqs:"
"""Begins the name under which a queue's dead letters lie; no topic of Kafka has a colon."""

_OFFSET_BYTES = 8
_log = logging.getLogger("rag.queues")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """An object that messages are about, for one of the queue's collections."""

    who: QueueSources
    place: ObjectPlace
    hint: ObjectHint


@dataclass(slots=True, kw_only=True)
class QueueBatch:
    """What messages mean: objects to look at, once each, and what fits no form."""

    objects: dict[tuple[str, str, str], Meant] = field(default_factory=dict[tuple[str, str, str], Meant])
    """By collection, source and key."""
    messages: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict[tuple[str, str], int](int))
    """How many concern each collection's source."""
    dead: list[NewDeadLetter] = field(default_factory=list[NewDeadLetter])
    ignored: int = 0


def meant_by(messages: Iterable[QueuedMessage], audience: Sequence[QueueSources], *, queue: str) -> QueueBatch:
    """Return what messages mean to those whom the queue concerns; what concerns nobody is counted."""
    batch = QueueBatch()
    for message in messages:
        try:
            said = queued_hints(message.body)
        except MessageRejected as rejected:
            batch.dead.append(
                dead_letter(
                    message, queue=queue, kind=rejected.kind.value, reason=rejected.message, remedy=rejected.remedy
                )
            )
            continue
        concerned: set[tuple[str, str]] = set()
        for hint in said.hints:
            for who in audience:
                place = who.place_of(hint)
                if place is not None:
                    concerned.add((who.collection.name, place.source.name))
                    _add(batch, Meant(who=who, place=place, hint=hint))
        for each in concerned:
            batch.messages[each] += 1
        batch.ignored += not concerned
    return batch


def looked_at(
    batch: QueueBatch, pool: Executor, *, clock_s: Callable[[], float] = time.monotonic
) -> dict[tuple[str, str], list[Observation]]:
    """Return what to record by collection and source, gone objects included; raises only for defects."""
    until_s = clock_s() + LOOK_S
    away: set[tuple[str, str]] = set()

    def look(meant: Meant) -> Observation:
        where = meant.who.collection.name, meant.place.source.name
        if where not in away and clock_s() < until_s:
            try:
                return meant.who.hints.look(meant.place)
            except DependencyUnavailable as error:
                away.add(where)
                _log.warning("%s/%s: recorded unseen: %s", *where, error)
            except (ConfigurationError, DocumentUnavailable, InvalidRequest) as error:
                _log.warning("%s/%s: recorded unseen: %s", *where, error)
        return meant.who.hints.unseen(meant.place, meant.hint)

    found: dict[tuple[str, str], list[Observation]] = defaultdict(list)
    for (collection, source, _), seen in zip(batch.objects, pool.map(look, batch.objects.values()), strict=True):
        found[collection, source].append(seen)
    return found


def dead_letter(message: QueuedMessage, *, queue: str, kind: str, reason: str, remedy: str) -> NewDeadLetter:
    """Return a message's dead letter; its place is made of its id: one letter, however often it is read."""
    return NewDeadLetter(
        topic=f"{QUEUE_TOPIC}{queue}",
        place=MessagePlace(incarnation=1, partition=0, offset=_offset(message.id), timestamp_ms=message.sent_ms),
        key=message.id.encode(),
        value=message.body,
        value_bytes=len(message.body),
        headers=(),
        kind=kind,
        reason=storable(reason),
        remedy=storable(remedy),
    )


def _add(batch: QueueBatch, meant: Meant) -> None:
    """Take an object in; of messages that disagree whether it is there, the store is asked and nobody is believed."""
    key = meant.who.collection.name, meant.place.source.name, meant.place.key
    before = batch.objects.get(key)
    if before is not None and Presence.PRESENT in (before.hint.presence, meant.hint.presence):
        meant = replace(meant, hint=replace(meant.hint, presence=Presence.PRESENT))
    batch.objects[key] = meant


def _offset(message_id: str) -> int:
    digest = hashlib.sha256(message_id.encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:_OFFSET_BYTES]) >> 1
