"""``GET /v1/models``: the collections that may be chatted with."""

from fastapi import APIRouter

from query_api.dependencies import ConnectionsDep, ReaderDep
from query_api.openai_errors import OPENAI_ERRORS
from query_api.problems import NotFound
from query_api.rights import seen_names, served_to
from query_api.shapes.ids import ModelName
from query_api.shapes.openai_models import Model, ModelList
from rag_core.names import is_name
from rag_core.vector_index import UnknownCollection

router = APIRouter(prefix="/v1", tags=["openai"], responses=OPENAI_ERRORS)


@router.get("/models", summary="List models")
def models(connections: ConnectionsDep, caller: ReaderDep) -> ModelList:
    """Return each collection that has an index as a model."""
    return ModelList(data=[Model(id=name) for name in seen_names(caller, connections.searcher().collections())])


@router.get("/models/{model}", summary="Show a model")
def model(model: ModelName, connections: ConnectionsDep, caller: ReaderDep) -> Model:
    """Return a collection as a model."""
    try:
        served_to(caller, connections.searcher(), named_as_collection(model))
    except UnknownCollection as error:
        raise NotFound(error.message, remedy=error.remedy) from error
    return Model(id=model)


def named_as_collection(model: str) -> str:
    """Return the name; raises ``NotFound`` for one that no collection can have, such as that of a chat model."""
    if not is_name(model):
        raise NotFound(f"There is no model named {model[:64]!r}.", remedy="GET /v1/models lists the collections.")
    return model
