"""One real PostgreSQL a session, one fresh catalog (a copied database) a test."""

from collections.abc import Iterator

import pytest

from resources.clients.catalog import Catalog, open_catalog
from tests.services.postgres import PostgresServer


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as running:
        yield running


@pytest.fixture(scope="session")
def migrated(server: PostgresServer) -> str:
    url = server.create_database()
    open_catalog(url).close()
    return url


@pytest.fixture
def url(server: PostgresServer, migrated: str) -> Iterator[str]:
    made = server.create_database(template=migrated)
    yield made
    server.drop_database(made)


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    with open_catalog(url) as opened:
        yield opened
