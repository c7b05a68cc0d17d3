"""Search and ask: requests and responses."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from query_api.shapes.citations import Citation, Span
from query_api.shapes.text import CollectionName, Group, QuestionText
from rag_core.answering.extractive import Abstained
from rag_core.fusion import Fusion, Mode

MAX_TOP_K = 1000
MAX_READ_PASSAGES = 50
MAX_GROUPS = 128

Filters = Annotated[
    dict[str, Any],
    Field(
        description=(
            "Conditions on metadata fields that the collection declares; all must hold. A value means equal, a list "
            "any of them, an object a range (gt, gte, lt, lte), `any` or `not` of a list, or `exists`."
        ),
        examples=[{"team": "platform", "year": {"gte": 2024}}],
    ),
]
Groups = Annotated[
    list[Group] | None,
    Field(
        max_length=MAX_GROUPS,
        description="Look through these groups' eyes only. Without it the caller is the machine's user and sees all.",
    ),
]


class SearchRequest(BaseModel):
    """What to look for, where, and how."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"collection": "handbook", "query": "How long are backups kept?", "top_k": 5},
                {"collection": "handbook", "query": "backup retention", "mode": "sparse", "filters": {"team": "ops"}},
            ]
        },
    )

    collection: CollectionName
    query: QuestionText
    mode: Mode = Field(default=Mode.HYBRID, description="hybrid: meaning and words; dense: meaning; sparse: words.")
    fusion: Fusion = Field(default=Fusion.BOUNDED_SUM, description="How hybrid puts the two lists together.")
    top_k: int = Field(default=10, ge=1, le=MAX_TOP_K)
    filters: Filters = Field(default_factory=dict)
    groups: Groups = None


class SearchResponse(BaseModel):
    """The passages, best first; an equal text comes once."""

    collection: str
    query: str
    mode: Mode
    fusion: Fusion
    index: str = Field(description="The physical index that answered.")
    model: str = Field(description="The embedding model of that index.")
    results: list[Citation]


class AskRequest(BaseModel):
    """A question to a collection."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"collection": "handbook", "question": "How long are backups kept?"}]},
    )

    collection: CollectionName
    question: QuestionText
    top_k: int = Field(default=8, ge=1, le=MAX_READ_PASSAGES, description="How many passages are read for the answer.")
    filters: Filters = Field(default_factory=dict)
    groups: Groups = None


class QuoteShape(BaseModel):
    """A sentence word for word."""

    text: str
    citation: int = Field(description="The number of the citation it stands in.")
    span: Span = Field(description="Where it stands in the citation's text.")
    score: float


class AskResponse(BaseModel):
    """Quoted sentences with citations, or why there is no answer."""

    collection: str
    question: str
    answered: bool
    answer: str | None = Field(description="The quotes with their citation numbers; null when not answered.")
    reason: Abstained | None = Field(description="Why there is no answer; null when answered.")
    reason_text: str | None
    confidence: float = Field(description="The best passage's bounded-sum score, in [0, 1].")
    threshold: float = Field(description="Below this confidence there is no answer (RAG_ANSWER_THRESHOLD).")
    quotes: list[QuoteShape]
    citations: list[Citation] = Field(description="What is quoted; when not answered, the nearest passages.")
    index: str
    model: str
