"""The outbox: what is to be sent to Kafka waits here until a broker has acknowledged it.

A message is written in the transaction that makes it true, and deleted after the broker's acknowledgement: it is sent
at least once, in the order of its ids, and its id lets a consumer drop repeats.
"""

import time
from base64 import b64decode, b64encode
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from resources.clients.catalog.database import Database
from resources.clients.catalog.values import Headers, OutboxMessage

_SENDER_LOCK = 7264915034
_MAX_BYTES = 16 * 1024 * 1024


class Outbox:
    """What the sender asks of the catalog; one sender of a collection at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def turn(self, collection: str) -> Generator["OutboxTurn | None"]:
        """Give the right to send a collection's messages; None where another sender has it."""
        with self._database.session() as session:
            name = f"outbox/{collection}"
            row = session.execute(
                "SELECT pg_try_advisory_lock(hashtextextended(%s, %s))", (name, _SENDER_LOCK)
            ).fetchone()
            yield OutboxTurn(self._database, collection) if row is not None and row[0] else None

    def waiting(self, collection: str) -> int:
        """Return how many messages wait."""
        with self._database.transaction() as connection:
            return connection.execute(_COUNT, {"collection": collection}).scalar_one()

    def waiting_by_collection(self) -> dict[str, int]:
        """Return how many messages wait, of each collection that has any."""
        with self._database.transaction() as connection:
            return {row.collection: row.messages for row in connection.execute(_COUNTS)}

    def wait(self, collection: str, *, timeout_s: float) -> bool:
        """Return as soon as a message waits, or after ``timeout_s``; say whether one does."""
        with self._database.session() as session:
            session.execute("LISTEN rag_outbox")  # first, so that nothing falls between looking and waiting
            ends_s = time.monotonic() + timeout_s
            while not self.waiting(collection):
                left_s = ends_s - time.monotonic()
                if left_s <= 0:
                    return False
                for _ in session.notifies(timeout=left_s, stop_after=1):
                    pass
            return True


class OutboxTurn:
    """The right to send one collection's messages, until its ``with`` ends."""

    def __init__(self, database: Database, collection: str) -> None:
        self._database = database
        self._collection = collection

    def oldest(
        self, limit: int, *, without: Collection[str] = (), max_bytes: int = _MAX_BYTES
    ) -> list[tuple[int, OutboxMessage]]:
        """Return the oldest waiting messages with their ids, those of some topics left out; the first however large."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                _OLDEST,
                {
                    "collection": self._collection,
                    "limit": limit,
                    "without": list(without),
                    "max_bytes": max_bytes,
                },
            ).all()
        return [(row.id, _message(row)) for row in rows]

    def acknowledged(self, ids: Sequence[int]) -> None:
        """Forget messages that the broker has."""
        with self._database.transaction() as connection:
            connection.execute(_FORGET, {"ids": list(ids)})


def put_into_outbox(connection: Connection, collection: str, messages: Sequence[OutboxMessage]) -> None:
    """Add messages within the caller's transaction; a waiting sender is woken by its commit."""
    if not messages:
        return
    connection.execute(
        _PUT,
        [
            {
                "collection": collection,
                "topic": message.topic,
                "key": message.key,
                "value": message.value,
                "headers": encoded_headers(message.headers),
            }
            for message in messages
        ],
    )
    connection.execute(text("SELECT pg_notify('rag_outbox', :collection)"), {"collection": collection})


def encoded_headers(headers: Headers) -> list[list[str | None]]:
    """Return headers as JSON holds them: names and values in base64, for a name may be any text."""
    return [
        [_base64(name.encode("utf-8", "surrogatepass")), None if value is None else _base64(value)]
        for name, value in headers
    ]


def decoded_headers(stored: Sequence[Sequence[str | None]]) -> Headers:
    """Return what ``encoded_headers`` made."""
    return tuple(
        (b64decode(str(name)).decode("utf-8", "surrogatepass"), None if value is None else b64decode(value))
        for name, value in stored
    )


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


def _message(row: Any) -> OutboxMessage:
    return OutboxMessage(
        topic=row.topic,
        key=None if row.key is None else bytes(row.key),
        value=None if row.value is None else bytes(row.value),
        headers=decoded_headers(row.headers),
    )


_COUNT = text("SELECT count(*) FROM outbox WHERE collection = :collection")

_COUNTS = text("SELECT collection, count(*) AS messages FROM outbox GROUP BY collection")

_OLDEST = text("""
SELECT id, topic, key, value, headers FROM (
    SELECT *, row_number() OVER (ORDER BY id) AS place,
           sum(coalesce(length(value), 0) + coalesce(length(key), 0)) OVER (ORDER BY id) AS bytes
    FROM (SELECT * FROM outbox WHERE collection = :collection AND topic <> ALL(CAST(:without AS text[]))
          ORDER BY id LIMIT :limit) oldest
) sized
WHERE place = 1 OR bytes <= :max_bytes ORDER BY id
""")

_FORGET = text("DELETE FROM outbox WHERE id = ANY(CAST(:ids AS bigint[]))")

_PUT = text("""
INSERT INTO outbox (collection, topic, key, value, headers) VALUES (:collection, :topic, :key, :value, :headers)
""").bindparams(bindparam("headers", type_=JSONB))
