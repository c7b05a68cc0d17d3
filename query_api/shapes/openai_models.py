"""Models and embeddings as OpenAI's clients read them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from query_api.shapes.text import TurnText

MAX_INPUTS = 256


class Model(BaseModel):
    """A collection that may be chatted with."""

    id: str = Field(examples=["handbook"])
    object: Literal["model"] = "model"
    created: int = Field(default=0, description="Always 0: a collection has no one date.")
    owned_by: Literal["rag-assets"] = "rag-assets"


class ModelList(BaseModel):
    """The collections that the caller may read."""

    object: Literal["list"] = "list"
    data: list[Model]


InputText = Annotated[TurnText, StringConstraints(min_length=1)]


class EmbeddingsRequest(BaseModel):
    """Texts to embed by the model of a collection's index."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"model": "handbook", "input": "How long are backups kept?"}]}
    )

    model: str = Field(
        min_length=1, max_length=512, description="A collection, or the embedding model of one.", examples=["handbook"]
    )
    input: InputText | Annotated[list[InputText], Field(min_length=1, max_length=MAX_INPUTS)] = Field(
        description="Texts; what goes beyond the model's length is cut."
    )
    encoding_format: Literal["float", "base64"] = "float"
    input_type: Literal["document", "query"] = Field(
        default="document", description="Some models embed questions in another way than texts."
    )
    dimensions: int | None = Field(default=None, ge=1, description="Only the model's own.")
    user: Annotated[str, StringConstraints(max_length=512)] | None = Field(
        default=None, description="Accepted, since clients send it; changes nothing."
    )


class Embedding(BaseModel):
    """A unit vector, as numbers or as base64 of little-endian float32."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingsUsage(BaseModel):
    """Tokens that were read."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(BaseModel):
    """The vectors in the order of the texts."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: EmbeddingsUsage
