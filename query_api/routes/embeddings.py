"""``POST /v1/embeddings``: vectors by the model that a collection's index was made with."""

import base64
from collections.abc import Iterator, Sequence

import numpy as np
from fastapi import APIRouter

from query_api.connections import Connections
from query_api.dependencies import ConnectionsDep, ReaderDep
from query_api.encoding import Encoders
from query_api.openai_errors import OPENAI_ERRORS
from query_api.problems import NotFound
from query_api.rights import seen_names, served_to
from query_api.shapes.openai_models import Embedding, Embeddings, EmbeddingsRequest, EmbeddingsUsage
from rag_core.callers import Caller
from rag_core.errors import InvalidRequest
from rag_core.index_spec import IndexSpec
from rag_core.vector_index import UnknownCollection

router = APIRouter(prefix="/v1", tags=["openai"], responses=OPENAI_ERRORS)

_AT_ONCE = 16
"""Texts in a batch; between two batches the questions of others are embedded."""


@router.post("/embeddings", summary="Embed texts")
def embeddings(body: EmbeddingsRequest, connections: ConnectionsDep, caller: ReaderDep) -> Embeddings:
    """Return the unit vectors of texts."""
    spec = _spec(connections, caller, body.model)
    if body.dimensions not in {None, spec.dimension}:
        raise InvalidRequest(
            f"The vectors of {spec.model} have {spec.dimension} dimensions.", remedy="Leave 'dimensions' out."
        )
    texts = [body.input] if isinstance(body.input, str) else body.input
    encoders = connections.encoders
    embedder = encoders.load(spec)
    tokens = sum(len(embedder.offsets(text)) for text in texts)
    data = [
        Embedding(index=number, embedding=_packed(vector) if body.encoding_format == "base64" else list(vector))
        for number, vector in enumerate(_vectors(encoders, spec, texts, is_query=body.input_type == "query"))
    ]
    return Embeddings(data=data, model=body.model, usage=EmbeddingsUsage(prompt_tokens=tokens, total_tokens=tokens))


def _spec(connections: Connections, caller: Caller, name: str) -> IndexSpec:
    """Return the spec of a collection of that name, or of one whose embedding model has it."""
    searcher = connections.searcher()
    seen = seen_names(caller, searcher.collections())
    if name in seen:
        return served_to(caller, searcher, name).spec
    for collection in seen:
        try:
            spec = served_to(caller, searcher, collection).spec
        except UnknownCollection:  # dropped since the list was read
            continue
        if name in {spec.model, spec.model_identity}:
            return spec
    raise NotFound(
        f"There is neither a collection nor an embedding model of one named {name[:64]!r}.",
        remedy="GET /v1/models lists the collections.",
    )


def _vectors(encoders: Encoders, spec: IndexSpec, texts: Sequence[str], *, is_query: bool) -> Iterator[list[float]]:
    if is_query:
        yield from (encoders.dense(spec, text) for text in texts)
        return
    for start in range(0, len(texts), _AT_ONCE):
        for vector in encoders.sentences(spec, texts[start : start + _AT_ONCE]):
            yield [float(value) for value in vector]


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode("ascii")
