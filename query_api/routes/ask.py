"""``POST /v1/ask``."""

from fastapi import APIRouter, Request, Response

from query_api.answering.leaving import CLIENT_LEFT, ClientLeft, EventStream, unless_left
from query_api.dependencies import AnswererDep, LinksDep, NoteDep, ReaderDep
from query_api.problems import PROBLEMS
from query_api.shapes.answer_events import answer_events, events_example
from query_api.shapes.asking import AskRequest, AskResponse, ask_of, ask_response

router = APIRouter(prefix="/v1", tags=["questions"], responses=PROBLEMS)


@router.post(
    "/ask",
    summary="Ask a question",
    response_model=AskResponse,
    responses={200: {"description": "The answer; with `stream` its events.", "content": events_example()}},
)
async def ask(
    body: AskRequest, request: Request, answerer: AnswererDep, links: LinksDep, caller: ReaderDep, note: NoteDep
) -> AskResponse | Response:
    """Answer with citations, or say why the passages do not answer; whole, or as it is written with `stream`."""
    note.of("ask", collection=body.collection, subject=body.question)
    asked = ask_of(body)
    try:
        if not body.stream:
            answered = await unless_left(request, answerer.answer(asked, caller))
            return ask_response(asked, answered, links)
        opened = await unless_left(request, answerer.open(asked, caller))
    except ClientLeft:
        return Response(status_code=CLIENT_LEFT)
    return EventStream(answer_events(asked, answerer.events(opened), links), close=opened.close)
