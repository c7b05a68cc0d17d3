"""What routes ask for, as annotated types."""

from typing import Annotated, cast

from fastapi import Depends, Request

from query_api.connections import Connections
from query_api.links import Links
from query_api.retrieving import Retriever
from rag_core.callers import LOCAL, Caller
from resources.clients.catalog import Catalog


def _connections(request: Request) -> Connections:
    return cast("Connections", request.app.state.connections)


def _catalog(connections: "ConnectionsDep") -> Catalog:
    return connections.catalog()


def _retriever(connections: "ConnectionsDep") -> Retriever:
    return Retriever(
        searcher=connections.searcher(),
        encoders=connections.encoders,
        answer_threshold=connections.settings.answer_threshold,
    )


def _links(connections: "ConnectionsDep") -> Links:
    return Links(connections.settings.dagster_url)


def _caller() -> Caller:
    return LOCAL


def _uploader(caller: "CallerDep") -> str:
    """Return whose files these are."""
    return caller.namespace


ConnectionsDep = Annotated[Connections, Depends(_connections)]
CatalogDep = Annotated[Catalog, Depends(_catalog)]
RetrieverDep = Annotated[Retriever, Depends(_retriever)]
CallerDep = Annotated[Caller, Depends(_caller)]
LinksDep = Annotated[Links, Depends(_links)]
UploaderDep = Annotated[str, Depends(_uploader)]
