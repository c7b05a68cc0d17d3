"""Ask: the request and the response."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from query_api.answering.asking import Answered, Ask, Generator
from query_api.links import Links
from query_api.sessions.conversation import StoredTurn
from query_api.shapes.citations import Citation, Span, citation_of
from query_api.shapes.ids import EXAMPLE_SESSION
from query_api.shapes.questions import MAX_READ_PASSAGES, Filters, Groups
from query_api.shapes.text import CollectionName, QuestionText, TurnText
from rag_core.answering.extractive import Abstained
from rag_core.answering.generation import ChatTurn
from rag_core.webhooks import MAX_URL_CHARACTERS

MAX_TURNS = 200
MAX_SEED = 2**53 - 1
MAX_TOKENS = 65_536
_REASONS = {
    Abstained.NO_PASSAGES: "No passage was found: the collection, or what the filter and groups leave of it, has none.",
    Abstained.NOT_IN_PASSAGES: "The passages that were found do not answer the question; the nearest ones are cited.",
    Abstained.NOTHING_TO_QUOTE: "The passages that were found hold no sentence to quote; they are cited.",
    Abstained.UNSUPPORTED: "What the model wrote names no passage that it could come from; the nearest ones are cited.",
}


class Turn(BaseModel):
    """Who said what; ``system`` holds wishes about the form of the answer."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["user", "assistant", "system"]
    content: TurnText


class AskRequest(BaseModel):
    """A question to a collection."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"collection": "handbook", "question": "How long are backups kept?"},
                {"collection": "handbook", "question": "How long are backups kept?", "stream": True},
                {"collection": "handbook", "question": "How long are backups kept?", "async": True},
                {"collection": "handbook", "question": "And who tests them?", "session_id": EXAMPLE_SESSION},
            ]
        },
    )

    collection: CollectionName
    question: QuestionText
    top_k: int = Field(default=8, ge=1, le=MAX_READ_PASSAGES, description="How many passages are read for the answer.")
    filters: Filters = Field(default_factory=dict)
    groups: Groups = None
    stream: bool = Field(default=False, description="Answer with server-sent events: passages, tokens, the answer.")
    generation: Generator = Field(
        default=Generator.AUTO,
        description="auto: the chat model, or quotation where there is none or it is away; or only one of them.",
    )
    temperature: float | None = Field(default=None, ge=0, le=2, description="Default RAG_CHAT_TEMPERATURE.")
    seed: int | None = Field(default=None, ge=-MAX_SEED, le=MAX_SEED, description="Default RAG_CHAT_SEED.")
    max_tokens: int | None = Field(
        default=None, ge=1, le=MAX_TOKENS, description="What the model writes at most; never above RAG_CHAT_MAX_TOKENS."
    )
    history: list[Turn] = Field(
        default_factory=list[Turn],
        max_length=MAX_TURNS,
        description="The talk before, for the model; oldest turn first.",
    )
    session_id: UUID | None = Field(
        default=None,
        description="Ask within a session: a follow-up is rewritten with its history, question and answer are stored.",
    )
    asynchronous: bool = Field(
        default=False, alias="async", description="Queue the question: 202 with an id, by which the answer is read."
    )
    webhook_url: str | None = Field(
        default=None,
        max_length=MAX_URL_CHARACTERS,
        description="With `async`: told when the question is answered or failed; hosts of RAG_WEBHOOK_HOSTS only.",
    )


class QuoteShape(BaseModel):
    """A sentence word for word."""

    text: str
    citation: int = Field(description="The number of the citation it stands in.")
    span: Span = Field(description="Where it stands in the citation's text.")
    score: float


class GenerationShape(BaseModel):
    """Who answered."""

    mode: Literal["extractive", "model"] = Field(description="extractive: sentences quoted word for word.")
    model: str | None = Field(description="The chat model that was asked; null where none was.")
    template: str | None = Field(description="Name and version of the prompt.")
    fell_back: bool = Field(description="A model was wanted, and quotation answered in its place.")
    because: str | None = Field(description="Why it fell back.")
    finish_reason: Literal["stop", "length"] = Field(description="length: the model reached max_tokens.")
    unsupported_citations: int = Field(
        description="Citations taken out: of no given passage, or of one without a word."
    )


class UsageShape(BaseModel):
    """Tokens of the chat model; 0 where none was asked."""

    prompt_tokens: int
    completion_tokens: int


class SessionPart(BaseModel):
    """Where the question and its answer are stored."""

    id: UUID
    turn: int
    standalone: str | None = Field(description="What was looked up in place of a follow-up question.")


class AskResponse(BaseModel):
    """An answer with citations, or why there is none."""

    collection: str
    question: str
    answered: bool
    answer: str | None = Field(description="The answer with citation numbers in brackets; null when not answered.")
    reason: Abstained | None = Field(description="Why there is no answer; null when answered.")
    reason_text: str | None
    confidence: float = Field(description="The best passage's bounded-sum score, in [0, 1].")
    threshold: float = Field(description="Below this confidence there is no answer (RAG_ANSWER_THRESHOLD).")
    quotes: list[QuoteShape] = Field(description="The sentences of a quoted answer; none of a model's.")
    citations: list[Citation] = Field(
        description="What the numbers of the answer stand for, by `number`; when not answered, the nearest passages."
    )
    generation: GenerationShape
    usage: UsageShape
    index: str
    model: str = Field(description="The embedding model of the index.")
    session: SessionPart | None = Field(description="null outside a session.")


def ask_of(request: AskRequest) -> Ask:
    """Return the question of a request."""
    return Ask(
        collection=request.collection,
        question=request.question,
        top_k=request.top_k,
        filters=request.filters,
        groups=request.groups,
        generation=request.generation,
        temperature=request.temperature,
        seed=request.seed,
        max_tokens=request.max_tokens,
        history=tuple(ChatTurn(role=turn.role, content=turn.content) for turn in request.history),
    )


def ask_response(ask: Ask, answered: Answered, links: Links, stored: StoredTurn | None = None) -> AskResponse:
    """Return an answer as it is sent; ``stored`` is where a session keeps it."""
    index = answered.found.index
    return AskResponse(
        collection=ask.collection,
        question=ask.question,
        answered=answered.reason is None,
        answer=answered.text,
        reason=answered.reason,
        reason_text=reason_text(answered.reason),
        confidence=round(answered.confidence, 6),
        threshold=answered.threshold,
        quotes=_quotes(answered),
        citations=citations_in(answered, links),
        generation=generation_shape(answered),
        usage=UsageShape(
            prompt_tokens=answered.usage.prompt_tokens, completion_tokens=answered.usage.completion_tokens
        ),
        index=index.physical,
        model=index.spec.model_identity,
        session=None
        if stored is None
        else SessionPart(id=stored.session_id, turn=stored.turn, standalone=stored.standalone),
    )


def citations_in(answered: Answered, links: Links) -> list[Citation]:
    """Return the passages that an answer cites, by its numbers."""
    passages = answered.found.passages
    return [citation_of(number, passages[each], links) for number, each in answered.citations.items()]


def generation_shape(answered: Answered) -> GenerationShape:
    """Return who answered."""
    made = answered.generation
    return GenerationShape(
        mode=made.mode,
        model=made.model,
        template=made.template,
        fell_back=made.fell_back,
        because=made.because,
        finish_reason=made.finish_reason,
        unsupported_citations=made.unsupported_citations,
    )


def reason_text(reason: Abstained | None) -> str | None:
    """Return why there is no answer, in words."""
    return None if reason is None else _REASONS[reason]


def _quotes(answered: Answered) -> list[QuoteShape]:
    numbers = {passage: number for number, passage in answered.citations.items()}
    return [
        QuoteShape(
            text=quote.text,
            citation=numbers[quote.passage],
            span=Span(start=quote.start, end=quote.end),
            score=round(quote.score, 6),
        )
        for quote in answered.quotes
    ]
