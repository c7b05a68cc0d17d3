"""``/v1/sessions``: conversations, each its key's own; questions are asked by ``POST /v1/ask`` with ``session_id``."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from query_api.dependencies import CatalogDep, ConnectionsDep, NoteDep, ReaderDep
from query_api.problems import NOT_FOUND, PROBLEMS
from query_api.rights import served_to
from query_api.routes.projects import Before, fresh_id
from query_api.shapes.ids import SessionId
from query_api.shapes.sessions import (
    MessageList,
    SessionList,
    SessionRequest,
    SessionShape,
    message_list,
    session_list,
    session_shape,
)
from rag_core.sessions.values import owner_of

router = APIRouter(prefix="/v1", tags=["sessions"], responses=PROBLEMS)


@router.post("/sessions", summary="Begin a session", status_code=201, responses=NOT_FOUND)
def create(
    request: SessionRequest, catalog: CatalogDep, connections: ConnectionsDep, caller: ReaderDep, note: NoteDep
) -> SessionShape:
    """Begin a conversation with some collections."""
    names = list(dict.fromkeys(request.collections))
    note.of("sessions.create", collection=",".join(names), subject=request.title)
    for name in names:
        served_to(caller, connections.searcher(), name)
    made = catalog.sessions.create(
        owner_of(caller), fresh_id(), collections=names, title=request.title, project_id=request.project_id
    )
    return session_shape(made, caller)


@router.get("/sessions", summary="List sessions")
def sessions(
    catalog: CatalogDep,
    caller: ReaderDep,
    project_id: Annotated[UUID | None, Query(description="Only the sessions of this project.")] = None,
    before: Before = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> SessionList:
    """Return the key's sessions, the newest first."""
    found = catalog.sessions.list(owner_of(caller), project_id=project_id, before=before, limit=limit + 1)
    return session_list(found, limit, caller)


@router.get("/sessions/{session_id}", summary="Show a session", responses=NOT_FOUND)
def session(session_id: SessionId, catalog: CatalogDep, caller: ReaderDep) -> SessionShape:
    """Return a session without its messages."""
    return session_shape(catalog.sessions.get(owner_of(caller), session_id), caller)


@router.get("/sessions/{session_id}/messages", summary="List messages", responses=NOT_FOUND)
def messages(
    session_id: SessionId,
    catalog: CatalogDep,
    caller: ReaderDep,
    after: Annotated[int, Query(ge=0, le=2**53, description="next_after of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> MessageList:
    """Return a session's messages in order; an answer whose documents the key may not read any more is withheld."""
    found = catalog.sessions.messages(owner_of(caller), session_id, after=after, limit=limit + 1)
    return message_list(found, limit, caller, catalog.sessions.get(owner_of(caller), session_id))


@router.delete("/sessions/{session_id}", summary="Delete a session", status_code=204, responses=NOT_FOUND)
def delete(session_id: SessionId, catalog: CatalogDep, caller: ReaderDep, note: NoteDep) -> Response:
    """Delete a session with its messages."""
    note.of("sessions.delete", subject=str(session_id))
    catalog.sessions.delete(owner_of(caller), session_id)
    return Response(status_code=204)
