"""From a queue's messages to what is to be recorded of them: whom each concerns, and what its objects' stores say.

Each object is looked at once, however many messages are about it, some at once. An object that cannot be looked at now
(its store is away, or there is no time left) is recorded without a version: the run that reads it looks.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
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


ObjectPlaceKey = tuple[str, str, str]
"""A collection, a source, a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """An object that messages are about, for one of the queue's collections."""

    who: QueueSources
    place: ObjectPlace
    hint: ObjectHint

    @property
    def key(self) -> ObjectPlaceKey:
        """Which object it is, for whom."""
        return self.who.collection.name, self.place.source.name, self.place.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A message that cannot be recorded, and why."""

    message: QueuedMessage
    error: Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message that concerns somebody: the objects that it is about, or the dead letter that it is."""

    message: QueuedMessage
    objects: tuple[ObjectPlaceKey, ...] = ()
    letter: NewDeadLetter | None = None


@dataclass(slots=True, kw_only=True)
class QueueBatch:
    """What messages mean: objects to look at, once each, and who said it."""

    objects: dict[ObjectPlaceKey, Meant] = field(default_factory=dict[ObjectPlaceKey, Meant])
    said: list[Said] = field(default_factory=list[Said])
    failed: list[Failed] = field(default_factory=list[Failed])
    """Messages at which our own code failed."""
    ignored: int = 0

    @property
    def letters(self) -> list[NewDeadLetter]:
        """The dead letters among them."""
        return [each.letter for each in self.said if each.letter is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """What the objects' stores say, or how a look at one failed."""

    found: Mapping[ObjectPlaceKey, Observation]
    failed: Mapping[ObjectPlaceKey, Exception]


def meant_by(messages: Iterable[QueuedMessage], audience: Sequence[QueueSources], *, queue: str) -> QueueBatch:
    """Return what messages mean to those whom the queue concerns; what concerns nobody is counted. Raises nothing."""
    batch = QueueBatch()
    for message in messages:
        try:
            said = _said(message, audience)
        except MessageRejected as rejected:
            letter = dead_letter(
                message, queue=queue, kind=rejected.kind.value, reason=rejected.message, remedy=rejected.remedy
            )
            batch.said.append(Said(message=message, letter=letter))
        except Exception as error:  # noqa: BLE001 - a defect that one message meets must not stop the others
            _log.exception("%s: message %s", queue, message.id)
            batch.failed.append(Failed(message=message, error=error))
        else:
            for each in said:
                _add(batch, each)
            if said:
                batch.said.append(Said(message=message, objects=tuple(dict.fromkeys(each.key for each in said))))
            batch.ignored += not said
    return batch


def looked_at(batch: QueueBatch, pool: Executor, *, clock_s: Callable[[], float] = time.monotonic) -> Looks:
    """Return what to record of a batch's objects, gone ones included; a look that meets a defect fails alone."""
    until_s = clock_s() + LOOK_S
    away: set[tuple[str, str]] = set()

    def look(meant: Meant) -> Observation | Exception:
        where = meant.who.collection.name, meant.place.source.name
        if where not in away and clock_s() < until_s:
            try:
                return meant.who.hints.look(meant.place)
            except DependencyUnavailable as error:
                away.add(where)
                _log.warning("%s/%s: recorded unseen: %s", *where, error)
            except (ConfigurationError, DocumentUnavailable, InvalidRequest) as error:
                _log.warning("%s/%s: recorded unseen: %s", *where, error)
            except Exception as error:  # noqa: BLE001 - a defect that one object meets must not stop the others
                _log.exception("%s/%s: an object", *where)
                return error
        return meant.who.hints.unseen(meant.place, meant.hint)

    seen = dict(zip(batch.objects, pool.map(look, batch.objects.values()), strict=True))
    return Looks(
        found={key: each for key, each in seen.items() if isinstance(each, Observation)},
        failed={key: each for key, each in seen.items() if isinstance(each, Exception)},
    )


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


def _said(message: QueuedMessage, audience: Sequence[QueueSources]) -> list[Meant]:
    """Return what a message is about, to each whom it concerns; raises ``MessageRejected``."""
    hints = queued_hints(message.body)
    places = [(who, hint, who.place_of(hint)) for hint in hints for who in audience]
    return [Meant(who=who, place=place, hint=hint) for who, hint, place in places if place is not None]


def _add(batch: QueueBatch, meant: Meant) -> None:
    """Take an object in; of messages that disagree whether it is there, the store is asked and nobody is believed."""
    before = batch.objects.get(meant.key)
    if before is not None and Presence.PRESENT in (before.hint.presence, meant.hint.presence):
        meant = replace(meant, hint=replace(meant.hint, presence=Presence.PRESENT))
    batch.objects[meant.key] = meant


def _offset(message_id: str) -> int:
    digest = hashlib.sha256(message_id.encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:_OFFSET_BYTES]) >> 1
