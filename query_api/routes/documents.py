"""``/v1/documents`` and the retries."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from query_api.connections import Connections
from query_api.dependencies import AdminDep, CatalogDep, ConnectionsDep, LinksDep, NoteDep, ReaderDep
from query_api.problems import NOT_FOUND, PROBLEMS
from query_api.rights import see_known
from query_api.seen_documents import SeenDocuments
from query_api.shapes.documents import (
    DocumentDetail,
    DocumentList,
    Retried,
    RetryRequest,
    detail,
    summary,
)
from query_api.shapes.ids import DocumentId
from query_api.shapes.text import CollectionName, Line
from rag_core.arrivals import ArrivalState
from rag_core.callers import Scope
from rag_core.errors import DependencyUnavailable, InvalidRequest, QuarantineKind
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import DocumentRow, DueFilter
from resources.clients.collection_files import usable_collections

router = APIRouter(prefix="/v1", tags=["documents"], responses=PROBLEMS)

RETRY_REASON = "a person asked for it"
_RETRIED_AT_ONCE = 10_000
_RETRYABLE = frozenset({ArrivalState.QUARANTINED, ArrivalState.RETRYING})


@router.get("/documents", summary="List documents")
def documents(
    catalog: CatalogDep,
    connections: ConnectionsDep,
    links: LinksDep,
    caller: ReaderDep,
    collection: Annotated[CollectionName, Query()],
    state: Annotated[ArrivalState | None, Query(description="Only documents whose newest arrival is in it.")] = None,
    prefix: Annotated[Line, Query(description="Beginning of the document's URI.")] = "",
    after: Annotated[Line | None, Query(description="next_after of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DocumentList:
    """Return documents by URI, or in a state in the order of their arrival, a page at a time.

    A key with groups sees those of which the index holds something for it; its pages may be short before the end.
    """
    seen = SeenDocuments(catalog=catalog, searcher=connections.searcher, caller=caller)
    page = seen.page(collection, state=state, prefix=prefix, after=after, limit=limit)
    if not page.documents:
        see_known(caller, collection, lambda: _known_names(catalog, connections))
    return DocumentList(documents=[summary(row, links) for row in page.documents], next_after=page.next_after)


@router.get("/documents/{document_id}", summary="Show a document", responses=NOT_FOUND)
def document(
    document_id: DocumentId, catalog: CatalogDep, connections: ConnectionsDep, links: LinksDep, caller: ReaderDep
) -> DocumentDetail:
    """Return a document's state with the reason, what the index holds of it, its arrivals and how it failed."""
    row = SeenDocuments(catalog=catalog, searcher=connections.searcher, caller=caller).known(document_id)
    history = catalog.overview.history(document_id)
    failed = catalog.queries.failures_of(document_id)
    return detail(row, history, failed, _points(connections, row), links)


@router.post("/documents/{document_id}/retry", summary="Try a document again", responses=NOT_FOUND)
def retry(
    document_id: DocumentId, catalog: CatalogDep, connections: ConnectionsDep, caller: AdminDep, note: NoteDep
) -> Retried:
    """Make a quarantined or waiting document due at once."""
    note.of("retry", subject=str(document_id))
    row = SeenDocuments(catalog=catalog, searcher=connections.searcher, caller=caller).known(document_id, Scope.ADMIN)
    note.of("retry", collection=row.collection, subject=row.uri)
    if row.state not in _RETRYABLE:
        raise InvalidRequest(
            f"The document is {row.state.value}; only quarantined and retrying ones can be tried again.",
            remedy="To process it anew, materialize its partition in Dagster.",
        )
    made = catalog.due.make_due(row.collection, [row.newest_arrival], reason=RETRY_REASON)
    return Retried(retried=made)


@router.post("/collections/{collection}/retry", summary="Try documents again")
def retry_many(
    collection: Annotated[CollectionName, Path()],
    request: RetryRequest,
    catalog: CatalogDep,
    connections: ConnectionsDep,
    caller: AdminDep,
    note: NoteDep,
) -> Retried:
    """Make a collection's quarantined (or waiting) documents due at once."""
    note.of("retry", collection=collection, subject=f"every {request.state.value} one below {request.prefix!r}")
    see_known(caller, collection, lambda: _known_names(catalog, connections), Scope.ADMIN)
    made = 0
    kinds: frozenset[QuarantineKind] = frozenset() if request.kind is None else frozenset({request.kind})
    which = DueFilter(states=frozenset({request.state}), kinds=kinds, prefix=request.prefix)
    while True:
        now = catalog.due.make_due(collection, which, reason=RETRY_REASON, limit=_RETRIED_AT_ONCE)
        made += now
        if now < _RETRIED_AT_ONCE:
            return Retried(retried=made)


def _known_names(catalog: Catalog, connections: Connections) -> set[str]:
    """Return the collections that are declared or recorded."""
    usable, _ = usable_collections(connections.settings.collections)
    return {*catalog.queries.collections(), *(each.collection.name for each in usable)}


def _points(connections: ConnectionsDep, row: DocumentRow) -> int | None:
    """Return how many points answer for the document, or None where that cannot be known now."""
    searcher = connections.searcher()
    try:
        counted = searcher.points_of_documents(searcher.served(row.collection), [row.document_id], groups=None)
        return counted.get(row.document_id, 0)
    except InvalidRequest:
        return 0  # no index serves the collection yet
    except DependencyUnavailable:
        return None
