"""``/v1/answers``: what became of asynchronous questions, each its key's own."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from query_api.dependencies import CatalogDep, ConnectionsDep, NoteDep, ReaderDep
from query_api.problems import NOT_FOUND, PROBLEMS
from query_api.queued.accepting import owner_of
from query_api.queued.reading import answer_for, is_withheld
from query_api.seen_documents import SeenDocuments
from query_api.shapes.answers import AnswerShape, answer_json
from query_api.shapes.ids import AnswerId
from rag_core.queued_answers import AnswerState

router = APIRouter(prefix="/v1", tags=["questions"], responses=PROBLEMS)
_LOOK_AGAIN_S = 1


@router.get(
    "/answers/{answer_id}", summary="Show an asynchronous answer", response_model=AnswerShape, responses=NOT_FOUND
)
def answer(answer_id: AnswerId, catalog: CatalogDep, connections: ConnectionsDep, caller: ReaderDep) -> Response:
    """Return where the question stands, and its answer when there is one; `Retry-After` says when to look again."""
    found = answer_for(caller, answer_id, catalog)
    seen = SeenDocuments(catalog=catalog, searcher=connections.searcher, caller=caller)
    is_over = found.state in (AnswerState.DONE, AnswerState.FAILED)
    return JSONResponse(
        answer_json(found, withheld=is_withheld(seen, found)),
        headers={} if is_over else {"Retry-After": str(_LOOK_AGAIN_S)},
    )


@router.delete(
    "/answers/{answer_id}", summary="Cancel or forget an asynchronous answer", status_code=204, responses=NOT_FOUND
)
def delete(answer_id: AnswerId, catalog: CatalogDep, caller: ReaderDep, note: NoteDep) -> Response:
    """Delete the question with its answer; one that waits is not answered any more, and nobody is notified."""
    note.of("answers.delete", subject=str(answer_id))
    answer_for(caller, answer_id, catalog)
    catalog.answers.forget(owner_of(caller), answer_id)
    return Response(status_code=204)
