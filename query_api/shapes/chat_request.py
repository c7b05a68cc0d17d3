"""A chat completion's request, as OpenAI's clients send it: the model is a collection, the last message the question.

What would change the answer and cannot be done here (tools, several choices, penalties) is refused, not ignored.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from query_api.answering.asking import Ask, Generator
from query_api.shapes.asking import MAX_SEED, MAX_TOKENS, MAX_TURNS
from query_api.shapes.questions import MAX_READ_PASSAGES, Filters, Groups
from query_api.shapes.text import MAX_QUESTION_CHARACTERS, TurnText
from rag_core.answering.generation import ChatTurn, Role
from rag_core.errors import InvalidRequest

ModelName = Annotated[
    str, StringConstraints(min_length=1, max_length=256), Field(description="A collection.", examples=["handbook"])
]
_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_NO_EFFECT = "Accepted, since clients send it; changes nothing."


class TextPart(BaseModel):
    """A part of a message; only text is read."""

    type: Literal["text"]
    text: TurnText


class Message(BaseModel):
    """A message; further members, such as the citations of an answer that is sent back, are left out."""

    role: Literal["system", "developer", "user", "assistant"]
    content: TurnText | Annotated[list[TextPart], Field(max_length=100)]


class StreamOptions(BaseModel):
    """What a stream also sends."""

    model_config = ConfigDict(extra="forbid")

    include_usage: bool | None = Field(default=None, description="A last chunk with the tokens used.")
    include_obfuscation: bool | None = Field(default=None, description=_NO_EFFECT)


class TextFormat(BaseModel):
    """The form of the answer: text."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["text"]


class ChatCompletionRequest(BaseModel):
    """Messages to a collection."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"model": "handbook", "messages": [{"role": "user", "content": "How long are backups kept?"}]},
            ]
        },
    )

    model: ModelName
    messages: list[Message] = Field(min_length=1, max_length=MAX_TURNS, description="The last one is the question.")
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    seed: int | None = Field(default=None, ge=-MAX_SEED, le=MAX_SEED)
    max_tokens: int | None = Field(default=None, ge=1, le=MAX_TOKENS)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=MAX_TOKENS)

    n: Literal[1] | None = None
    top_p: Annotated[float, Field(ge=1, le=1)] | None = None
    presence_penalty: Annotated[float, Field(ge=0, le=0)] | None = None
    frequency_penalty: Annotated[float, Field(ge=0, le=0)] | None = None
    logprobs: Literal[False] | None = None
    response_format: TextFormat | None = None
    stop: None = None
    tools: Annotated[list[Any], Field(max_length=0)] | None = None

    user: Annotated[str, StringConstraints(max_length=512)] | None = Field(default=None, description=_NO_EFFECT)
    metadata: dict[str, Any] | None = Field(default=None, description=_NO_EFFECT)
    store: bool | None = Field(default=None, description=_NO_EFFECT)

    top_k: int = Field(default=8, ge=1, le=MAX_READ_PASSAGES, description="How many passages are read.")
    filters: Filters = Field(default_factory=dict)
    groups: Groups = None
    generation: Generator = Field(default=Generator.AUTO, description="As in `/v1/ask`.")
    session_id: UUID | None = Field(
        default=None, description="As in `/v1/ask`; the session has the talk, `messages` the question alone."
    )


def ask_of_messages(request: ChatCompletionRequest) -> Ask:
    """Return the question of a chat with the talk before it; raises ``InvalidRequest`` where there is no question."""
    turns = [ChatTurn(role=_ROLES[message.role], content=_text(message)) for message in request.messages]
    question = turns[-1].content.strip()
    if turns[-1].role != "user" or not question:
        raise InvalidRequest("The last message is no question.", remedy="Let it be one of role 'user' with a text.")
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise InvalidRequest(
            f"The last message has more than {MAX_QUESTION_CHARACTERS} characters.", remedy="Shorten the question."
        )
    return Ask(
        collection=request.model,
        question=question,
        top_k=request.top_k,
        filters=request.filters,
        groups=request.groups,
        generation=request.generation,
        temperature=request.temperature,
        seed=request.seed,
        max_tokens=request.max_completion_tokens or request.max_tokens,
        history=tuple(turns[:-1]),
    )


def _text(message: Message) -> str:
    return message.content if isinstance(message.content, str) else "\n".join(part.text for part in message.content)
