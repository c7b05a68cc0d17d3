"""``GET /v1/streams``."""

from collections.abc import Collection, Mapping, Sequence

from fastapi import APIRouter

from query_api.declared_sources import failing_sources
from query_api.dependencies import CatalogDep, ConnectionsDep, ReaderDep
from query_api.problems import PROBLEMS
from query_api.rights import seen_names, sees_figures
from query_api.shapes.queues import CollectionQueues, QueueShape, StreamList, queue_shape
from query_api.shapes.streams import CollectionStreams, StreamShape, stream_shape, unread_shape
from resources.clients.catalog import Catalog
from resources.clients.collection_files import LoadedCollection, usable_collections

router = APIRouter(prefix="/v1", tags=["documents"], responses=PROBLEMS)


@router.get("/streams", summary="List streams")
def streams(catalog: CatalogDep, connections: ConnectionsDep, caller: ReaderDep) -> StreamList:
    """Return how far every stream and queue is recorded, what keeps it from being read, and what waits to be sent.

    A key with groups sees none: these figures count messages of every group.
    """
    waiting = catalog.outbox.waiting_by_collection()
    usable, _ = usable_collections(connections.settings.collections)
    declared, queued = declared_streams(usable), _sources_with_queues(usable)
    failing = failing_sources(catalog, connections.settings.collections)
    there = {*waiting, *declared, *queued, *failing, *(position.collection for position in catalog.overview.streams())}
    names = seen_names(caller, there) if sees_figures(caller) else []
    return StreamList(
        collections=[
            CollectionQueues(
                **dict(collection_streams(catalog, name, waiting.get(name, 0), declared.get(name, ()))),
                queues=_queues(catalog, name, queued.get(name, ())),
                failing_sources=failing.get(name, []),
            )
            for name in names
        ]
    )


def declared_streams(usable: Sequence[LoadedCollection]) -> dict[str, list[str]]:
    """Return the names of the streams that collection files declare, by collection."""
    named = {each.collection.name: [stream.name for stream in each.collection.streams] for each in usable}
    return {collection: streams for collection, streams in named.items() if streams}


def _sources_with_queues(usable: Sequence[LoadedCollection]) -> dict[str, list[str]]:
    """Return the names of the sources whose changes a queue announces, by collection."""
    named = {
        each.collection.name: [source.name for source in each.collection.sources if source.notifications is not None]
        for each in usable
    }
    return {collection: sources for collection, sources in named.items() if sources}


def _queues(catalog: Catalog, name: str, sources: Collection[str]) -> list[QueueShape]:
    if not sources:
        return []
    states, troubles = catalog.queues.states(name), catalog.stream_troubles.current(name)
    return [queue_shape(source, states.get(source), troubles.get(source)) for source in sources]


def collection_streams(catalog: Catalog, name: str, waiting: int, declared: Collection[str]) -> CollectionStreams:
    """Return one collection's streams: those that are declared, and those that something was read of."""
    positions = {position.source: position for position in catalog.overview.streams(name)}
    names = sorted({*positions, *declared})
    dead: Mapping[tuple[str, str, int], int] = catalog.dead_letters.open_by_partition(name) if positions else {}
    troubles = catalog.stream_troubles.current(name) if declared else {}
    stops = catalog.sources.stopped(name) if names else []
    shown: list[StreamShape] = []
    for stream in names:
        position, trouble = positions.get(stream), troubles.get(stream) if stream in declared else None
        its_stops = [stop for stop in stops if stop.source == stream]
        shown.append(
            unread_shape(stream, its_stops, trouble)
            if position is None
            else stream_shape(position, dead, its_stops, trouble)
        )
    return CollectionStreams(collection=name, waiting_to_be_sent=waiting, streams=shown)
