"""Decoding a queue's dead letter again: its bytes are in the catalog, and its objects are looked at as they are now."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from rag_core.arrivals import Observation, Presence
from rag_core.messages.dead_letters import NewDeadLetter
from resources.clients.aws.sqs import QueuedMessage, SqsQueue
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import DeadLetter, PartitionLimits, ReplayedRange
from resources.clients.collection_files import LoadedCollection, usable_collections
from sensors.dead_letter_replay import ReplayedLetter, ReplayEnd
from sensors.queue_audience import DeclaredQueue, QueueSources, declared_queues, open_audience
from sensors.queue_batch import QUEUE_TOPIC, ObjectPlaceKey, looked_at, meant_by


def replay_queued(loaded: LoadedCollection, catalog: Catalog, letter: DeadLetter) -> ReplayedLetter:
    """Record what a message announces, to all whom its queue concerns today, and settle its letter if it fits."""
    address = letter.letter.topic.removeprefix(QUEUE_TOPIC)
    usable, broken = usable_collections(loaded.base_dir)
    queues, unfound = declared_queues(usable)
    problems = [
        *(str(each) for each in broken),
        *(f"{each.collection}/{each.source}: {each.problem}" for each in unfound),
    ]
    if problems:
        return ReplayedLetter(
            id=letter.id,
            end=ReplayEnd.STILL_DEAD,
            reason=f"Whom the queue {address} concerns cannot be said here: {problems[0]}",
            remedy="Mend that, and replay the letter again.",
        )
    meant = _meant(address, queues)
    if not meant:
        return ReplayedLetter(
            id=letter.id,
            end=ReplayEnd.STILL_DEAD,
            reason=f"No source declares the queue {address} any more.",
            remedy="Declare it again to replay its dead letters, or discard them: rag dlq discard.",
        )
    if len(meant) > 1:
        return ReplayedLetter(
            id=letter.id,
            end=ReplayEnd.STILL_DEAD,
            reason=f"{len(meant)} queues that are declared are called {address}: it may be any one's.",
            remedy="Replay it while only its own is declared, or discard it: rag dlq discard.",
        )
    (queue,) = meant
    audience = open_audience(queue)
    batch = meant_by([_message(letter)], audience, queue=address)
    with ThreadPoolExecutor(1) as pool:
        looks = looked_at(batch, pool)
    for error in (*(each.error for each in batch.failed), *looks.failed.values()):
        raise error
    new = sum(_recorded(catalog, who, looks.found) for who in audience)
    _settle(loaded, catalog, letter, batch.letters)
    for still in batch.letters:
        return ReplayedLetter(id=letter.id, end=ReplayEnd.STILL_DEAD, reason=still.reason, remedy=still.remedy)
    if new:
        return ReplayedLetter(id=letter.id, end=ReplayEnd.RECORDED)
    return ReplayedLetter(id=letter.id, end=ReplayEnd.LOOKED_AT if batch.objects else ReplayEnd.LEFT_OUT)


def _meant(address: str, queues: Sequence[DeclaredQueue]) -> list[DeclaredQueue]:
    """Return the queue of an address; letters of earlier versions have its name without a host, as several may."""
    opened = [(SqsQueue(each.url), each) for each in queues]
    own = [each for queue, each in opened if queue.address == address]
    return own[:1] or [each for queue, each in opened if queue.name == address]


def _message(letter: DeadLetter) -> QueuedMessage:
    told = letter.letter
    return QueuedMessage(
        id=(told.key or b"").decode("utf-8", "replace"),
        receipt="",
        body=told.value or b"",
        sent_ms=told.place.timestamp_ms,
        receives=1,
    )


def _recorded(catalog: Catalog, who: QueueSources, seen: Mapping[ObjectPlaceKey, Observation]) -> int:
    """Record what a collection's stores say; a removal counts where the object is known."""
    collection = who.collection.name
    kept: dict[str, list[Observation]] = {}
    for source in who.names:
        found = [each for place, each in seen.items() if place[:2] == (collection, source)]
        gone = catalog.queues.present(collection, source, [each.key for each in found])
        some = [each for each in found if each.presence is Presence.PRESENT or each.key in gone]
        if some:
            kept[source] = some
    return sum(each.new for each in catalog.queues.record(collection, kept, limits=who.limits).values()) if kept else 0


def _settle(loaded: LoadedCollection, catalog: Catalog, letter: DeadLetter, dead: list[NewDeadLetter]) -> None:
    place = letter.letter.place
    catalog.messages.record(
        letter.collection,
        letter.source,
        [],
        limits=PartitionLimits(size=loaded.collection.partition_size, bytes=loaded.collection.partition_bytes),
        position=None,
        dead=dead,
        replay=f"dead-letter-{letter.id}-{letter.replays + 1}",
        replayed=ReplayedRange(
            topic=letter.letter.topic,
            incarnation=place.incarnation,
            partition=place.partition,
            first=place.offset,
            end=place.offset + 1,
        ),
    )
