"""One real PostgreSQL a session, one migrated database, emptied before each test."""

from collections.abc import Iterator

import psycopg
import pytest

from resources.clients.catalog import Catalog, open_catalog
from resources.clients.catalog.schema import METADATA
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
def url(migrated: str) -> str:
    tables = ", ".join(METADATA.tables)
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {tables} RESTART IDENTITY".encode())
    return migrated


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    with open_catalog(url) as opened:
        yield opened
