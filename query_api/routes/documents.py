"""``/v1/documents`` and the retries."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from query_api.connections import Connections
from query_api.dependencies import CatalogDep, ConnectionsDep, LinksDep
from query_api.problems import NOT_FOUND, PROBLEMS, NotFound
from query_api.shapes.documents import (
    DocumentDetail,
    DocumentList,
    Retried,
    RetryRequest,
    detail,
    summary,
)
from query_api.shapes.text import CollectionName, Line
from rag_core.arrivals import ArrivalState
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
    collection: Annotated[CollectionName, Query()],
    state: Annotated[ArrivalState | None, Query(description="Only documents whose newest arrival is in it.")] = None,
    prefix: Annotated[Line, Query(description="Beginning of the document's URI.")] = "",
    after: Annotated[Line | None, Query(description="next_after of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DocumentList:
    """Return documents by URI, or in a state in the order of their arrival, a page at a time."""
    page = catalog.queries.documents(collection, state=state, prefix=prefix, after=after, limit=limit)
    if not page.documents:
        _see_known(catalog, connections, collection)
    return DocumentList(documents=[summary(row, links) for row in page.documents], next_after=page.next_after)


@router.get("/documents/{document_id}", summary="Show a document", responses=NOT_FOUND)
def document(document_id: UUID, catalog: CatalogDep, connections: ConnectionsDep, links: LinksDep) -> DocumentDetail:
    """Return a document's state with the reason, what the index holds of it, its arrivals and how it failed."""
    row = _known(catalog, document_id)
    history = catalog.overview.history(document_id)
    failed = catalog.queries.failures_of(document_id)
    return detail(row, history, failed, _points(connections, row), links)


@router.post("/documents/{document_id}/retry", summary="Try a document again", responses=NOT_FOUND)
def retry(document_id: UUID, catalog: CatalogDep) -> Retried:
    """Make a quarantined or waiting document due at once."""
    row = _known(catalog, document_id)
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
) -> Retried:
    """Make a collection's quarantined (or waiting) documents due at once."""
    if request.state not in _RETRYABLE:
        raise InvalidRequest(f"Documents that are {request.state.value} cannot be tried again.")
    _see_known(catalog, connections, collection)
    made = 0
    which = DueFilter(states=frozenset({request.state}), kinds=_kinds(request.kind), prefix=request.prefix)
    while True:
        now = catalog.due.make_due(collection, which, reason=RETRY_REASON, limit=_RETRIED_AT_ONCE)
        made += now
        if now < _RETRIED_AT_ONCE:
            return Retried(retried=made)


def _see_known(catalog: Catalog, connections: Connections, collection: str) -> None:
    """Raise ``InvalidRequest`` with the names there are where the collection is neither declared nor recorded."""
    names = set(catalog.queries.collections())
    if collection in names:
        return
    usable, _ = usable_collections(connections.settings.collections)
    names |= {each.collection.name for each in usable}
    if collection not in names:
        raise InvalidRequest(
            f"There is no collection named {collection!r}; there are: {', '.join(sorted(names)) or 'none yet'}.",
            remedy="Name one of them, or declare it in a collection file.",
        )


def _known(catalog: Catalog, document_id: UUID) -> DocumentRow:
    row = catalog.queries.document(document_id)
    if row is None:
        raise NotFound(
            f"There is no document {document_id}.", remedy="GET /v1/documents?collection=NAME lists what there is."
        )
    return row


def _points(connections: ConnectionsDep, row: DocumentRow) -> int | None:
    """Return how many points answer for the document, or None where that cannot be known now."""
    searcher = connections.searcher()
    try:
        return searcher.points_of_document(searcher.served(row.collection), row.document_id)
    except InvalidRequest:
        return 0  # no index serves the collection yet
    except DependencyUnavailable:
        return None


def _kinds(kind: str | None) -> frozenset[QuarantineKind]:
    try:
        return frozenset() if kind is None else frozenset({QuarantineKind(kind)})
    except ValueError:
        known = ", ".join(each.value for each in QuarantineKind)
        raise InvalidRequest(f"There is no kind of failure {kind!r}.", remedy=f"There are: {known}.") from None
