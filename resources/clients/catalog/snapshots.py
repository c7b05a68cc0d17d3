"""The whole catalog as of one moment, a COPY a table, and back again into tables of the version it was taken from.

Not ``pg_dump``: that must be at least as new as the server and lies in no image of ours, and its dumps bring their own
tables; a snapshot names its columns, so that it is loaded into the tables of its version and migrated from there.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection, text

from rag_core.errors import ConfigurationError
from resources.clients.catalog.chat.keeping import hold_months
from resources.clients.catalog.database import Database, translating
from resources.clients.catalog.migrating import HEAD, MIGRATION_LOCK, VERSION_TABLE, known_version, upgrade
from resources.clients.catalog.restored_keys import bring_back_keys, keep_keys
from resources.clients.catalog.schema import METADATA
from resources.clients.catalog.settling_restored import settle_restored

_MESSAGES = "chat_messages"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotTable:
    """A table and the columns that a snapshot of it holds, in this order."""

    name: str
    columns: tuple[str, ...]


class Snapshot:
    """The catalog as one transaction sees it, whatever is written meanwhile."""

    version = HEAD

    def __init__(self, session: "psycopg.Connection[tuple[Any, ...]]") -> None:
        self._session = session

    def tables(self) -> list[SnapshotTable]:
        """Return every table of the catalog with its columns, those left out that the database computes."""
        return [
            SnapshotTable(
                name=table.name, columns=tuple(column.name for column in table.columns if column.computed is None)
            )
            for table in METADATA.sorted_tables
        ]

    def rows(self, table: SnapshotTable) -> Iterator[bytes]:
        """Yield a table's rows as COPY writes them, in pieces."""
        statement = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(
            sql.SQL(", ").join(map(sql.Identifier, table.columns)), sql.Identifier(table.name)
        )
        with translating(), self._session.cursor() as cursor, cursor.copy(statement) as copy:
            for piece in copy:
                yield bytes(piece)

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return int(self._one(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))))

    def months(self) -> list[str]:
        """Return the months that messages were stored in, such as ``2026_11``."""
        with translating():
            return [str(row[0]) for row in self._session.execute(_MONTHS).fetchall()]

    def parts(self) -> Iterator[str]:
        """Yield the Parquet files that hold the rows of at least one arrival, sorted."""
        after = ""
        while True:
            with translating():
                rows = self._session.execute(_PARTS, {"after": after}).fetchall()
            if not rows:
                return
            yield from (str(row[0]) for row in rows)
            after = str(rows[-1][0])

    def indexes(self) -> list[dict[str, Any]]:
        """Return the active index of each collection, with how many documents and points it should hold."""
        with translating():
            rows = self._session.execute(_INDEXES).fetchall()
        return [
            {"collection": collection, "physical": physical, "documents": documents, "points": int(points)}
            for collection, physical, documents, points in rows
        ]

    def _one(self, statement: sql.Composed) -> Any:
        with translating():
            row = self._session.execute(statement).fetchone()
        return None if row is None else row[0]


@contextmanager
def snapshot(url: str) -> Generator[Snapshot]:
    """Give the catalog of a database as of now; its tables are of this program's version."""
    database = Database(url)
    try:
        with database.session() as session:
            session.execute("SET statement_timeout = 0")
            session.execute("SET idle_in_transaction_session_timeout = 0")
            with translating(), session.transaction():
                session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                found = session.execute("SELECT version_num FROM catalog_version").fetchone()
                if found is None or found[0] != HEAD:
                    raise ConfigurationError(
                        f"The catalog's tables are newer than this program's {HEAD}: it would leave some out.",
                        remedy="Take the backup with the version of rag-assets that made them.",
                    )
                yield Snapshot(session)
    finally:
        database.close()


def others_connected(url: str) -> int:
    """Return how many sessions of other processes of ours are connected to the catalog's database."""
    database = Database(url)
    try:
        with database.transaction() as connection:
            return int(connection.execute(_OTHERS).scalar_one())
    finally:
        database.close()


def holds_anything(url: str) -> bool:
    """Say whether the database has a catalog in which something was recorded."""
    database = Database(url)
    try:
        with database.transaction() as connection:
            if connection.execute(text("SELECT to_regclass('collections') IS NULL")).scalar_one():
                return False
            return bool(connection.execute(text("SELECT EXISTS (SELECT FROM collections)")).scalar_one())
    finally:
        database.close()


def load_snapshot(
    url: str,
    *,
    version: str,
    tables: Mapping[str, Sequence[str]],
    months: Sequence[str],
    rows_of: Callable[[str], Iterator[bytes]],
) -> int:
    """Put a snapshot in the place of whatever catalog the database has: all of it, or nothing is changed.

    1. Drop what there is, and make the tables of the snapshot's version.
    2. Load every table, and let its numbers go on where they ended.
    3. Bring the tables to this program's version.
    4. Settle what was under way when the snapshot was taken: see ``settle_restored``.

    API keys that the present catalog has stay as they are there: what was revoked or narrowed since stays so. Returns
    how many usable keys came from the snapshot alone: nobody knows what became of them since.
    """
    if not known_version(version) or not version:
        raise ConfigurationError(
            f"The backup's catalog is of version {version!r}; this program knows those up to {HEAD}.",
            remedy="Install the version of rag-assets that made the backup, or a newer one.",
        )
    database = Database(url)
    try:
        with database.transaction() as connection:
            for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
                connection.execute(text(f"SET LOCAL {setting} = 0"))
            connection.execute(text("SET LOCAL lock_timeout = '60s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            keep_keys(connection)
            _drop_all(connection)
            upgrade(connection, version)
            if _MESSAGES in tables:
                hold_months(connection, months)
            for name, columns in tables.items():
                _load(connection, name, columns, rows_of(name))
            upgrade(connection, "head")
            settle_restored(connection)
            return bring_back_keys(connection)
    finally:
        database.close()


def _drop_all(connection: Connection) -> None:
    for name in [*(table.name for table in METADATA.sorted_tables), VERSION_TABLE]:
        connection.execute(text(f"DROP TABLE IF EXISTS {_quoted(name)} CASCADE"))


def _load(connection: Connection, name: str, columns: Sequence[str], rows: Iterator[bytes]) -> None:
    there = connection.execute(_COLUMNS, {"table": name}).all()
    known = {row.column_name for row in there}
    if not known.issuperset(columns):
        raise ConfigurationError(
            f"The backup's table {name} has columns that its version has not: it was changed.",
            remedy="Take another backup.",
        )
    driver: Any = connection.connection.driver_connection
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for piece in rows:
            copy.write(piece)
    for row in there:
        if row.is_identity == "YES":
            connection.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence(:table, :column), coalesce(max({_quoted(row.column_name)}), 0) + 1, false) FROM {_quoted(name)}"  # noqa: S608, E501 - names of our own schema
                ),
                {"table": _quoted(name), "column": row.column_name},
            )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


_MONTHS = "SELECT DISTINCT to_char(created_at AT TIME ZONE 'UTC', 'YYYY_MM') FROM chat_messages ORDER BY 1"

_PARTS = """
SELECT file FROM parts WHERE file > %(after)s AND unnamed_at IS NULL ORDER BY file LIMIT 5000
"""

_INDEXES = """
SELECT i.collection, i.physical_name, count(x.document_id), coalesce(sum(x.chunks), 0) FROM indexes i
LEFT JOIN document_indexes x ON x.index_name = i.physical_name
WHERE i.is_active GROUP BY i.collection, i.physical_name ORDER BY i.collection
"""

_OTHERS = text("""
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND application_name IN ('rag-assets', current_setting('application_name'))
""")

_COLUMNS = text("""
SELECT column_name, is_identity FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name = :table
""")
