"""A database of its own with the catalog's tables: months are made in it, which the schema's tests do not expect."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

from rag_core.sessions.values import ChatMessage, CitedPlace, NewMessage, Role, TurnStatus, new_id
from resources.clients.catalog import Catalog, open_catalog
from tests.services.postgres import PostgresServer

OWNER = "abcdefghijkl"
OTHER = "mnopqrstuvwx"


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


def fresh_id() -> UUID:
    return new_id(now_ms=time.time_ns() // 1_000_000, randomness=UUID(int=time.perf_counter_ns()).bytes[6:])


def new_session(catalog: Catalog, owner: str = OWNER, *, title: str = "", project: UUID | None = None) -> UUID:
    made = catalog.sessions.create(owner, fresh_id(), collections=["handbook"], title=title, project_id=project)
    return made.id


def question(text: str = "How long are backups kept?", *, standalone: str | None = None) -> NewMessage:
    return NewMessage(
        role=Role.USER, content=text, collection="handbook", status=TurnStatus.ANSWERED, standalone=standalone
    )


def answer(text: str = "For thirty days. [1]", *, headings: Sequence[str] = ("Backups",)) -> NewMessage:
    place = CitedPlace(
        number=1,
        document_id="d",
        version="v1",
        start=0,
        end=9,
        uri="file:///h/backups.md",
        title="backups.md",
        heading_path=tuple(headings),
    )
    return NewMessage(
        role=Role.ASSISTANT,
        content=text,
        collection="handbook",
        status=TurnStatus.ANSWERED,
        citations=(place,),
        generation={"mode": "extractive"},
        usage={"prompt_tokens": 0},
    )


def talk(catalog: Catalog, session: UUID, *turns: tuple[NewMessage, NewMessage]) -> None:
    for asked, answered in turns or ((question(), answer()),):
        catalog.turns.finish(catalog.turns.begin(OWNER, session), [asked, answered])


def stored(number: int, said: NewMessage) -> ChatMessage:
    return ChatMessage(number=number, created_at=datetime(2026, 1, 1, tzinfo=UTC), said=said)


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return [] if cursor.description is None else cursor.fetchall()
