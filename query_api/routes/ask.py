"""``POST /v1/ask``."""

from fastapi import APIRouter, Request, Response

from query_api.answering.leaving import CLIENT_LEFT, ClientLeft, EventStream, unless_left
from query_api.dependencies import AnswererDep, ConversationsDep, LinksDep, NoteDep, ReaderDep
from query_api.problems import IN_SESSION, PROBLEMS
from query_api.shapes.answer_events import answer_events, events_example
from query_api.shapes.asking import AskRequest, AskResponse, ask_of, ask_response

router = APIRouter(prefix="/v1", tags=["questions"], responses=PROBLEMS)


@router.post(
    "/ask",
    summary="Ask a question",
    response_model=AskResponse,
    responses={
        200: {"description": "The answer; with `stream` its events.", "content": events_example()},
        **IN_SESSION,
    },
)
async def ask(
    body: AskRequest,
    request: Request,
    answerer: AnswererDep,
    conversations: ConversationsDep,
    links: LinksDep,
    caller: ReaderDep,
    note: NoteDep,
) -> AskResponse | Response:
    """Answer with citations, or say why the passages do not answer; whole, or as it is written with `stream`."""
    note.of("ask", collection=body.collection, subject=body.question)
    asked = ask_of(body)
    try:
        talk = await unless_left(request, conversations.open(asked, caller, body.session_id))
        with talk.deciding(left=ClientLeft):
            if not body.stream:
                answered = await unless_left(request, answerer.answer(talk.ask, caller))
                await talk.answered(answered)
                return ask_response(asked, answered, links, talk.stored)
            opened = await unless_left(request, answerer.open(talk.ask, caller))
    except ClientLeft:
        return Response(status_code=CLIENT_LEFT)
    events = answer_events(asked, talk.kept(answerer.events(opened)), links, stored=lambda: talk.stored)

    def close() -> None:
        opened.close()
        talk.close()

    return EventStream(events, close=close)
