"""``GET /v1/streams``."""

from collections.abc import Mapping

from fastapi import APIRouter

from query_api.dependencies import CatalogDep, ReaderDep
from query_api.problems import PROBLEMS
from query_api.rights import seen_names, sees_figures
from query_api.shapes.streams import CollectionStreams, StreamList, stream_shape
from resources.clients.catalog import Catalog

router = APIRouter(prefix="/v1", tags=["documents"], responses=PROBLEMS)


@router.get("/streams", summary="List streams")
def streams(catalog: CatalogDep, caller: ReaderDep) -> StreamList:
    """Return how far every stream is recorded, by topic and partition, and what waits for a person or to be sent.

    A key with groups sees none: these figures count messages of every group.
    """
    waiting = catalog.outbox.waiting_by_collection()
    there = {*waiting, *(position.collection for position in catalog.overview.streams())}
    names = seen_names(caller, there) if sees_figures(caller) else []
    return StreamList(collections=[collection_streams(catalog, name, waiting.get(name, 0)) for name in names])


def collection_streams(catalog: Catalog, name: str, waiting: int) -> CollectionStreams:
    """Return one collection's streams, as the catalog knows them."""
    positions = catalog.overview.streams(name)
    dead: Mapping[tuple[str, str, int], int] = {}
    if positions:
        dead = catalog.dead_letters.open_by_partition(name)
    return CollectionStreams(
        collection=name,
        waiting_to_be_sent=waiting,
        streams=[stream_shape(position, dead) for position in positions],
    )
