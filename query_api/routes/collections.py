"""``GET /v1/collections``."""

from collections.abc import Sequence

from fastapi import APIRouter

from query_api.declared_sources import failing_sources
from query_api.dependencies import CatalogDep, ConnectionsDep, ReaderDep
from query_api.problems import PROBLEMS
from query_api.rights import seen_names, sees_figures
from query_api.routes.streams import collection_streams, declared_streams
from query_api.shapes.documents import CollectionList, CollectionShape, IndexShape
from query_api.shapes.stops import stopped
from query_api.shapes.streams import CollectionStreams
from query_api.shapes.sweeps import FailingSource
from rag_core.errors import DependencyUnavailable, RagError
from rag_core.vector_index import IndexSearcher
from resources.clients.catalog import Catalog
from resources.clients.collection_files import usable_collections

router = APIRouter(prefix="/v1", tags=["documents"], responses=PROBLEMS)


@router.get("/collections", summary="List collections")
def collections(catalog: CatalogDep, connections: ConnectionsDep, caller: ReaderDep) -> CollectionList:
    """Return each collection's documents by state, the index that serves it, and how fresh it is.

    A key with groups sees which index serves it, and no figures: those count documents of every group.
    """
    searcher = connections.searcher()
    try:
        indexed = searcher.collections()
    except DependencyUnavailable:
        indexed = []
    failing = failing_sources(catalog, connections.settings.collections)
    names = seen_names(caller, [*catalog.queries.collections(), *indexed, *failing])
    if not sees_figures(caller):
        return CollectionList(collections=[_without_figures(searcher, name, indexed) for name in names])
    waiting_to_be_sent = catalog.outbox.waiting_by_collection()
    declared = declared_streams(usable_collections(connections.settings.collections)[0])
    counts = catalog.overview.documents_by_state(names)
    return CollectionList(
        collections=[
            _collection(
                catalog,
                name,
                {state.value: number for state, number in counts[name].items()},
                _index(searcher, name) if name in indexed else None,
                collection_streams(catalog, name, waiting_to_be_sent.get(name, 0), declared.get(name, ())),
                failing.get(name, []),
            )
            for name in names
        ]
    )


def _collection(
    catalog: Catalog,
    name: str,
    documents: dict[str, int],
    index: IndexShape | None,
    streams: CollectionStreams,
    failing: list[FailingSource],
) -> CollectionShape:
    fresh = catalog.overview.freshness(name)
    oldest = fresh.oldest_recorded_at
    return CollectionShape(
        name=name,
        documents=documents,
        waiting=fresh.waiting,
        oldest_waiting_s=None if oldest is None else round((fresh.now - oldest).total_seconds(), 3),
        stopped_sources=[stopped(stop) for stop in catalog.sources.stopped(name)],
        failing_sources=failing,
        streams=streams.streams,
        waiting_to_be_sent=streams.waiting_to_be_sent,
        index=index,
    )


def _without_figures(searcher: "IndexSearcher", name: str, indexed: Sequence[str]) -> CollectionShape:
    index = _index(searcher, name) if name in indexed else None
    return CollectionShape(
        name=name,
        documents=None,
        waiting=None,
        oldest_waiting_s=None,
        stopped_sources=[],
        failing_sources=[],
        streams=[],
        waiting_to_be_sent=None,
        index=None if index is None else index.model_copy(update={"points": None}),
    )


def _index(searcher: IndexSearcher, name: str) -> IndexShape | None:
    try:
        served = searcher.served(name)
    except RagError:  # away, just dropped, or not of our making: the list still shows the rest
        return None
    return IndexShape(
        name=served.physical,
        model=served.spec.model,
        model_identity=served.spec.model_identity,
        dimension=served.spec.dimension,
        analyzer=served.spec.analyzer,
        points=served.points,
        filter_fields={field: str(type_) for field, type_ in sorted(served.fields.items())},
    )
