"""``/healthz``, ``/readyz`` and ``/readyz/own``: alive, all there, and fit to be sent requests."""

import logging
from collections.abc import Callable
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from query_api.connections import Connections
from query_api.dependencies import ConnectionsDep
from query_api.problems import PROBLEMS, problem_response
from rag_core.errors import RagError

router = APIRouter(tags=["health"])
MODELS_AGAIN_AFTER_S = 60.0
"""How often probes have new indexes' models looked for, and those tried again that could not be loaded."""

_log = logging.getLogger("query_api")


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Every part answers."""

    ready: Literal[True] = True
    parts: dict[str, str] = Field(examples=[{"catalog": "ok", "qdrant": "ok", "model": "ok"}])


@router.get("/healthz", summary="Alive?")
async def healthz() -> Alive:
    """Say that the process answers; asks nothing of anyone."""
    return Alive()


@router.get("/readyz", summary="Ready?", response_model=Ready, responses={503: PROBLEMS[503]})
def readyz(connections: ConnectionsDep) -> Ready | Response:
    """Say whether catalog, index and models are there; each that is not is named in ``parts``."""
    store = connections.settings.vectors
    parts = {
        "catalog": _state("catalog", lambda: _catalog(connections)),
        store: _state(store, lambda: _index(connections)),
    }
    parts["model"] = _state("model", lambda: _models(connections)) if parts[store] == "ok" else "unknown"
    return _told(parts)


@router.get("/readyz/own", summary="Can this process take work?", response_model=Ready, responses={503: PROBLEMS[503]})
def readyz_own(connections: ConnectionsDep) -> Ready | Response:
    """Say whether requests may be sent to this process: the catalog answered once, and every model was tried once.

    For probes and load balancers. An index that is away, or a model that is new or cannot be loaded, fails in every
    process alike: to send requests to none would take from users what needs neither, and the reason for the rest.
    """
    connections.warm_up(again_after_s=MODELS_AGAIN_AFTER_S)
    parts = {"catalog": _state("catalog", lambda: _was_opened(connections))}
    parts["model"] = "ok" if connections.has_tried_models else "loading"
    return _told(parts)


def _told(parts: dict[str, str]) -> Ready | Response:
    if all(state == "ok" for state in parts.values()):
        return Ready(parts=parts)
    waiting = ", ".join(name for name, state in parts.items() if state != "ok")
    return problem_response(
        503,
        f"Not ready: {waiting}.",
        remedy="Wait; 'rag status' and 'rag logs api' say more.",
        headers={"Retry-After": "1"},
        ready=False,
        parts=parts,
    )


def _state(name: str, ask: Callable[[], str | None]) -> str:
    try:
        return ask() or "ok"
    except RagError as error:
        _log.warning("%s: %s", name, error)
        return "away"


def _was_opened(connections: Connections) -> None:
    connections.catalog()


def _catalog(connections: Connections) -> None:
    connections.catalog().ping()


def _index(connections: Connections) -> None:
    connections.searcher().collections()


def _models(connections: Connections) -> str | None:
    """Return None when every served index's model is loaded; begins to load one that is not."""
    searcher = connections.searcher()
    for collection in searcher.collections():
        try:
            spec = searcher.served(collection).spec
        except RagError as error:  # one broken index must not take the others out of service
            _log.warning("%s: %s", collection, error)
            continue
        if not connections.encoders.is_loaded(spec):
            connections.warm_up()
            return connections.encoders.trouble or "loading"
    return None
