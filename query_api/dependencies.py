"""What routes ask for, as annotated types.

What only looks something up is a coroutine: a plain function would be run in a thread, at half a millisecond each.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, cast

from fastapi import Depends, Request

from query_api.answering.answerer import Answerer
from query_api.auditing import Note
from query_api.authentication import caller_in
from query_api.connections import Connections
from query_api.correlation import state_of
from query_api.links import Links
from query_api.problems import Forbidden
from query_api.retrieving import Retriever
from query_api.sessions.conversation import Conversations
from rag_core.callers import Caller, Scope
from resources.clients.catalog import Catalog


async def _connections(request: Request) -> Connections:
    return cast("Connections", request.app.state.connections)


def _catalog(connections: "ConnectionsDep") -> Catalog:
    return connections.catalog()


def _retriever(connections: "ConnectionsDep") -> Retriever:
    return connections.retriever()


def _answerer(connections: "ConnectionsDep") -> Answerer:
    return connections.answerer()


def _conversations(connections: "ConnectionsDep") -> Conversations:
    return connections.conversations()


async def _links(connections: "ConnectionsDep") -> Links:
    return Links(connections.settings.dagster_url)


async def _caller(request: Request) -> Caller:
    found = caller_in(request.scope)
    if found is None:
        raise RuntimeError("a public path asks who its caller is")
    return found


def _with(scope: Scope) -> Callable[[Request, Caller, Note], Awaitable[Caller]]:
    """Return a dependency that gives the caller, or says 403 whatever there is."""

    async def checked(request: Request, caller: "CallerDep", note: "NoteDep") -> Caller:
        if not caller.may(scope):
            note.of("refused", subject=f"{request.method} {request.url.path}")
            raise Forbidden(
                f"This key may not do that: it has no scope {scope.value!r}.",
                remedy=f"'rag keys create NAME --scope {scope.value}' makes a key that may.",
            )
        return caller

    return checked


async def _note(request: Request) -> Note:
    note = state_of(request.scope).get("note")
    return note if isinstance(note, Note) else Note()


ConnectionsDep = Annotated[Connections, Depends(_connections)]
CatalogDep = Annotated[Catalog, Depends(_catalog)]
AnswererDep = Annotated[Answerer, Depends(_answerer)]
ConversationsDep = Annotated[Conversations, Depends(_conversations)]
RetrieverDep = Annotated[Retriever, Depends(_retriever)]
CallerDep = Annotated[Caller, Depends(_caller)]
"""Who sends the request, whatever they may."""
NoteDep = Annotated[Note, Depends(_note)]
"""What the audit log is told of the request."""
ReaderDep = Annotated[Caller, Depends(_with(Scope.READ))]
UploaderDep = Annotated[Caller, Depends(_with(Scope.INGEST))]
AdminDep = Annotated[Caller, Depends(_with(Scope.ADMIN))]
MonitorDep = Annotated[Caller, Depends(_with(Scope.METRICS))]
"""Who sends the request, with the scope that it needs; which collections they may use is asked of ``rights``."""
LinksDep = Annotated[Links, Depends(_links)]
