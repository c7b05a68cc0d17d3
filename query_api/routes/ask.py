"""``POST /v1/ask``."""

from functools import partial
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from query_api.answering.leaving import CLIENT_LEFT, ClientLeft, EventStream, unless_left
from query_api.dependencies import AnswererDep, ConnectionsDep, ConversationsDep, LinksDep, NoteDep, ReaderDep
from query_api.problems import IN_SESSION, PROBLEMS
from query_api.queued.accepting import see_is_answered_at_once
from query_api.shapes.answer_events import answer_events, events_example
from query_api.shapes.answers import QueuedAnswer, url_of
from query_api.shapes.asking import AskRequest, AskResponse, ask_of, ask_response
from query_api.shapes.text import idempotency_header

router = APIRouter(prefix="/v1", tags=["questions"], responses=PROBLEMS)


@router.post(
    "/ask",
    summary="Ask a question",
    response_model=AskResponse,
    responses={
        200: {"description": "The answer; with `stream` its events.", "content": events_example()},
        202: {
            "model": QueuedAnswer,
            "description": "With `async`: the question was taken.",
            "headers": {"Location": {"description": "Where the answer is read.", "schema": {"type": "string"}}},
        },
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
    connections: ConnectionsDep,
    note: NoteDep,
    idempotency_key: Annotated[
        str | None,
        idempotency_header("With `async`: the same question with the same key is queued once."),
    ] = None,
) -> AskResponse | Response:
    """Answer with citations, or say why the passages do not answer; whole, as it is written, or later.

    `stream` sends it as it is written; with `async` a worker answers, and `GET /v1/answers/{answer_id}` shows it.
    """
    note.of("answers.create" if body.asynchronous else "ask", collection=body.collection, subject=body.question)
    if body.asynchronous:
        desk = connections.question_desk()
        placed = await anyio.to_thread.run_sync(partial(desk.accept, body, caller, idempotency_key=idempotency_key))
        taken = QueuedAnswer(answer_id=placed.answer_id, status=placed.state, url=url_of(placed.answer_id))
        return JSONResponse(taken.model_dump(mode="json"), status_code=202, headers={"Location": taken.url})
    see_is_answered_at_once(body, idempotency_key)
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
