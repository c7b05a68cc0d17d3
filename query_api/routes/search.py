"""``POST /v1/search``."""

from fastapi import APIRouter

from query_api.dependencies import LinksDep, NoteDep, ReaderDep, RetrieverDep
from query_api.problems import PROBLEMS
from query_api.retrieving import Query
from query_api.shapes.citations import citations_of
from query_api.shapes.questions import SearchRequest, SearchResponse

router = APIRouter(prefix="/v1", tags=["questions"], responses=PROBLEMS)


@router.post("/search", summary="Find passages")
def search(
    request: SearchRequest, retriever: RetrieverDep, links: LinksDep, caller: ReaderDep, note: NoteDep
) -> SearchResponse:
    """Return the best passages by meaning and by words, each with its place, its scores and its lineage."""
    note.of("search", collection=request.collection, subject=request.query)
    found = retriever.search(
        Query(
            caller=caller,
            collection=request.collection,
            text=request.query,
            mode=request.mode,
            fusion=request.fusion,
            top_k=request.top_k,
            filters=request.filters,
            groups=request.groups,
        )
    )
    return SearchResponse(
        collection=request.collection,
        query=request.query,
        mode=request.mode,
        fusion=request.fusion,
        index=found.index.physical,
        model=found.index.spec.model_identity,
        results=citations_of(list(found.passages), links),
    )
