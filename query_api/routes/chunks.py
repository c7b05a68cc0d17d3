"""``GET /v1/documents/{document_id}/chunks``: what stands around a citation."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query

from query_api.dependencies import CatalogDep, ConnectionsDep, ReaderDep
from query_api.problems import NOT_FOUND, PROBLEMS
from query_api.rights import asked_of
from query_api.seen_documents import SeenDocuments
from query_api.shapes.citations import DocumentChunks, chunk_of
from query_api.shapes.ids import DocumentId
from rag_core.citations import placed_texts
from rag_core.vector_index import ServedIndex, UnknownCollection

router = APIRouter(prefix="/v1", tags=["documents"], responses=PROBLEMS)

MAX_REACH = 20
_MAX_ORDINAL = 2**31 - 1 - MAX_REACH


@router.get("/documents/{document_id}/chunks", summary="Read around a citation", responses=NOT_FOUND)
def chunks(
    document_id: DocumentId,
    catalog: CatalogDep,
    connections: ConnectionsDep,
    caller: ReaderDep,
    around: Annotated[int, Query(ge=0, le=_MAX_ORDINAL, description="A citation's `ordinal`.")] = 0,
    reach: Annotated[int, Query(ge=0, le=MAX_REACH, description="How many chunks before and behind it.")] = 3,
) -> DocumentChunks:
    """Return a chunk of a document with those before and behind it, as the index holds them now.

    A newer version may have taken the place of the cited one meanwhile: each chunk says of which `version` it is.
    """
    searcher = connections.searcher()
    row = SeenDocuments(catalog=catalog, searcher=lambda: searcher, caller=caller).known(document_id)
    first, last = max(0, around - reach), around + reach

    def around_it(index: ServedIndex) -> Sequence[Mapping[str, Any]]:
        return searcher.chunks_of_document(index, document_id, first=first, last=last, groups=caller.groups)

    found: Sequence[Mapping[str, Any]] = []
    with suppress(UnknownCollection):  # nothing of it was indexed yet
        found = asked_of(caller, searcher, row.collection, around_it)
    return DocumentChunks(
        document_id=document_id, chunks=[chunk_of(each) for each in placed_texts(found)], total=row.chunks
    )
