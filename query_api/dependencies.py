"""What routes ask for, as annotated types."""

from typing import Annotated, cast

from fastapi import Depends, Request

from query_api.connections import Connections
from query_api.links import Links
from query_api.retrieving import Retriever
from query_api.uploading.naming import LOCAL
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


def _uploader() -> str:
    """Return whose files these are: without keys everybody is whoever sits at this machine."""
    return LOCAL


ConnectionsDep = Annotated[Connections, Depends(_connections)]
CatalogDep = Annotated[Catalog, Depends(_catalog)]
RetrieverDep = Annotated[Retriever, Depends(_retriever)]
LinksDep = Annotated[Links, Depends(_links)]
UploaderDep = Annotated[str, Depends(_uploader)]
