"""Connections to the PostgreSQL that keeps the vectors, and the one place where its errors become ours."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from rag_core.errors import ConfigurationError, DependencyUnavailable, Permanent
from rag_core.vector_index import IndexGone
from resources.clients.postgres_states import is_away, is_busy, sqlstate

DEPENDENCY = "timescale"
Cursor = psycopg.RawCursor[tuple[Any, ...]]
_NOT_ALLOWED = ("28", "42501")
_NO_SUCH_TABLE = {"42P01", "3F000"}


class Sessions:
    """A pool of at most eight connections; sessions speak UTC and give up a statement after ``timeout_s``.

    Statements are written with PostgreSQL's own placeholders (``$1``), as ``timescale-vector`` writes its statements.
    """

    def __init__(self, url: str, *, timeout_s: int) -> None:
        asked = conninfo_to_dict(url)
        options = {
            "statement_timeout": timeout_s * 1000,
            "lock_timeout": timeout_s * 1000,
            "idle_in_transaction_session_timeout": 120_000,
            "timezone": "UTC",
            # A plan that ignores the filter's values would walk the whole nearest-neighbour index for rare ones.
            "plan_cache_mode": "force_custom_plan",
            "jit": "off",
        }
        # The later of two settings holds: the URL's own.
        words = [*(f"-c {name}={value}" for name, value in options.items()), str(asked.get("options") or "")]
        defaults = {"application_name": "rag-assets", "connect_timeout": min(10, timeout_s)}
        arguments: dict[str, Any] = {**defaults, **asked, "options": " ".join(words).strip()}
        self._engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: psycopg.connect(**arguments),
            pool_size=4,
            max_overflow=4,
            pool_timeout=timeout_s,
            pool_pre_ping=True,
        )

    @contextmanager
    def transaction(self, doing: str) -> Generator[Cursor]:
        """Give a cursor in a transaction: committed at the end, rolled back by an exception."""
        with translating(doing), self._engine.begin() as connection:
            driver: Any = connection.connection.driver_connection
            with psycopg.RawCursor[tuple[Any, ...]](driver) as cursor:
                yield cursor

    def close(self) -> None:
        """Close the pool's connections."""
        self._engine.dispose()


@contextmanager
def translating(doing: str) -> Generator[None]:
    """Turn errors into ours: away or too busy is ``DependencyUnavailable``, refused ``Permanent``.

    What is asked of an index whose table is not there is ``IndexGone``. Messages show nothing of the values.
    """
    try:
        yield
    except (DBAPIError, psycopg.Error, PoolTimeoutError) as error:
        state = sqlstate(error) or ""
        reason = _first_line(error)
        if state.startswith(_NOT_ALLOWED) or _is_refused_login(reason):
            raise ConfigurationError(
                f"PostgreSQL does not let us {doing}: {reason}",
                remedy="Correct RAG_TIMESCALE_URL, or the role's rights.",
            ) from error
        if state in _NO_SUCH_TABLE:
            raise IndexGone(f"PostgreSQL could not {doing}: {reason}", dependency=DEPENDENCY) from error
        if is_away(error):
            what = "was too busy to" if is_busy(error) else "did not answer ("
            message = (
                f"PostgreSQL {what} {doing}: {reason}" if is_busy(error) else f"PostgreSQL {what}{doing}): {reason}"
            )
            raise DependencyUnavailable(message, dependency=DEPENDENCY) from error
        kind = type(error.orig if isinstance(error, DBAPIError) else error).__name__
        # Its message and detail quote values: texts, titles, keys.
        raise Permanent(f"PostgreSQL refused to {doing}: {kind} (SQLSTATE {state or 'unknown'})") from None


def _first_line(error: Exception) -> str:
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _is_refused_login(reason: str) -> bool:
    """Say whether a connection was refused for its role or password; libpq gives such an error no SQLSTATE."""
    return "password authentication failed" in reason or "no pg_hba.conf entry" in reason
