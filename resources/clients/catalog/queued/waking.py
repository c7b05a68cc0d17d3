"""Waking the workers: a commit tells them that there is something to do, so that an idle queue is not asked."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import psycopg
from sqlalchemy import Connection, text

from resources.clients.catalog.database import Database, translating

_CHANNEL = "rag_answers"


def notify_answers(connection: Connection) -> None:
    """Wake those who listen when this transaction commits."""
    connection.execute(_NOTIFY, {"channel": _CHANNEL})


async def answers_heard(database: Database) -> AsyncGenerator[None]:
    """Yield once it listens, and at each commit that has something for a worker; until closed.

    Raises ``DependencyUnavailable`` when the connection is lost.
    """
    with translating():
        session: psycopg.AsyncConnection[Any] = await database.async_session()
        async with session:
            await session.execute(f"LISTEN {_CHANNEL}")
            yield
            async with aclosing(session.notifies()) as notices:
                async for _ in notices:
                    yield


_NOTIFY = text("SELECT pg_notify(:channel, '')")
