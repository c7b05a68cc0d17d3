"""``POST /v1/chat/completions``: a collection as a model that OpenAI's clients chat with."""

from typing import Any

from fastapi import APIRouter, Request, Response

from query_api.answering.leaving import CLIENT_LEFT, ClientLeft, EventStream, unless_left
from query_api.dependencies import AnswererDep, ConversationsDep, LinksDep, NoteDep, ReaderDep
from query_api.openai_errors import OPENAI_ERRORS
from query_api.problems import NotFound
from query_api.routes.models import named_as_collection
from query_api.shapes.chat_request import ChatCompletionRequest, ask_of_messages
from query_api.shapes.chat_response import ChatCompletion, completion, completion_chunks
from rag_core.vector_index import UnknownCollection

_CHUNKS: dict[str, Any] = {"text/event-stream": {"example": 'data: {"id": …}\n\n'}}
router = APIRouter(prefix="/v1", tags=["openai"], responses=OPENAI_ERRORS)


@router.post(
    "/chat/completions",
    summary="Chat with a collection",
    response_model=ChatCompletion,
    responses={200: {"description": "The answer; with `stream` its chunks.", "content": _CHUNKS}},
)
async def chat_completions(
    body: ChatCompletionRequest,
    request: Request,
    answerer: AnswererDep,
    conversations: ConversationsDep,
    links: LinksDep,
    caller: ReaderDep,
    note: NoteDep,
) -> ChatCompletion | Response:
    """Answer the last message from the collection that `model` names; citations are in the message, or last chunk."""
    named_as_collection(body.model)
    asked = ask_of_messages(body)
    note.of("ask", collection=body.model, subject=asked.question)
    try:
        talk = await unless_left(request, conversations.open(asked, caller, body.session_id))
        with talk.deciding(left=ClientLeft):
            if not body.stream:
                answered = await unless_left(request, answerer.answer(talk.ask, caller))
                return completion(body.model, await talk.answered(answered), links)
            opened = await unless_left(request, answerer.open(talk.ask, caller))
    except ClientLeft:
        return Response(status_code=CLIENT_LEFT)
    except UnknownCollection as error:
        raise NotFound(error.message, remedy=error.remedy) from error
    with_usage = body.stream_options is not None and bool(body.stream_options.include_usage)
    chunks = completion_chunks(body.model, talk.kept(answerer.events(opened)), links, with_usage=with_usage)

    def close() -> None:
        opened.close()
        talk.close()

    return EventStream(chunks, close=close)
