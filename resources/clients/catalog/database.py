"""Connections to the catalog's database: a small pool, time-outs on everything, vendor errors stopped here."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from rag_core.errors import ConfigurationError, DependencyUnavailable
from resources.clients.catalog.values import CatalogError
from resources.clients.postgres_states import is_away, is_busy, sqlstate


class Database:
    """A pool of at most eight connections to one database; sessions speak UTC."""

    def __init__(self, url: str, *, statement_timeout_s: float = 60, lock_timeout_s: float = 30) -> None:
        options = {
            "statement_timeout": int(statement_timeout_s * 1000),
            "lock_timeout": int(lock_timeout_s * 1000),
            "idle_in_transaction_session_timeout": 120_000,
            "timezone": "UTC",
        }
        self.url = psycopg_url(url)
        asked = make_url(self.url).normalized_query
        self._connect_args: dict[str, Any] = {
            # The later of two settings holds: the URL's own.
            "options": " ".join([*(f"-c {name}={value}" for name, value in options.items()), *asked.get("options", ())])
        }
        defaults = {"application_name": "rag-assets", "connect_timeout": 10}
        self._connect_args |= {name: value for name, value in defaults.items() if name not in asked}
        self.engine: Engine = create_engine(
            self.url,
            pool_size=4,
            max_overflow=4,
            pool_timeout=30,
            pool_pre_ping=True,
            connect_args=self._connect_args,
            hide_parameters=True,  # an error is shown in Dagster's UI: without the titles and keys of documents
        )

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """Give a connection in a transaction: committed at the end, rolled back by an exception."""
        with translating(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def connection(self) -> Generator[Connection]:
        """Give one connection whose transactions the caller begins and ends itself."""
        with translating(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def session(self) -> Generator["psycopg.Connection[tuple[Any, ...]]"]:
        """Give a session outside the pool, in autocommit: for LISTEN and for advisory locks."""
        plain = self.url.replace("postgresql+psycopg://", "postgresql://", 1)
        with translating(), psycopg.connect(plain, autocommit=True, **self._connect_args) as session:
            yield session

    async def async_session(self) -> "psycopg.AsyncConnection[tuple[Any, ...]]":
        """Return a session outside the pool for an event loop, in autocommit: for LISTEN. The caller closes it."""
        plain = self.url.replace("postgresql+psycopg://", "postgresql://", 1)
        return await psycopg.AsyncConnection.connect(plain, autocommit=True, **self._connect_args)

    def close(self) -> None:
        """Close the pool's connections."""
        self.engine.dispose()


@contextmanager
def translating() -> Generator[None]:
    """Turn "the database is away", or too busy, into ``DependencyUnavailable``, other errors into ``CatalogError``."""
    try:
        yield
    except (DBAPIError, psycopg.Error, PoolTimeoutError) as error:
        if not is_away(error):
            raise _refused(error) from None  # its message and detail quote values: keys, titles
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[:1]
        what = "does not answer in time" if is_busy(error) else "is away"
        raise DependencyUnavailable(
            f"The catalog's database {what}: {''.join(reason)}.",
            dependency="catalog",
            remedy="Nothing is lost; work goes on when it is back.",
        ) from error


def _refused(error: Exception) -> CatalogError:
    origin = error.orig if isinstance(error, DBAPIError) else error
    state = sqlstate(error) or ""
    where = ""
    if isinstance(origin, psycopg.Error):
        named = {"table": origin.diag.table_name, "constraint": origin.diag.constraint_name}
        where = "".join(f", {what} {name}" for what, name in named.items() if name)
    return CatalogError(
        f"The catalog's database refused a statement: {type(origin).__name__} (SQLSTATE {state or 'unknown'}{where}).",
        sqlstate=state,
        remedy="This is a fault of the program or of its tables; the database's log has the statement.",
    )


def psycopg_url(url: str) -> str:
    """Return the URL with SQLAlchemy's name for psycopg 3; raises ``ConfigurationError`` for other databases."""
    parsed = make_url(url)
    if parsed.drivername not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise ConfigurationError(
            f"The catalog needs PostgreSQL, not {parsed.drivername!r}.",
            remedy="Set RAG_DATABASE_URL to postgresql://user:password@host:port/database.",
        )
    return parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def notify_due(connection: Connection, collection: str) -> None:
    """Wake those who wait for due work when this transaction commits."""
    connection.execute(text("SELECT pg_notify('rag_due', :collection)"), {"collection": collection})
