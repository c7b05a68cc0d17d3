"""Search: the request and the response; and what every question may be narrowed by."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from query_api.shapes.citations import Citation
from query_api.shapes.text import CollectionName, Group, QuestionText
from rag_core.access import MAX_KEY_GROUPS
from rag_core.fusion import Fusion, Mode

MAX_TOP_K = 1000
MAX_READ_PASSAGES = 50

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
        max_length=MAX_KEY_GROUPS,
        description="Look through these groups' eyes only, as far as they are the key's; null: through all of its own.",
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
