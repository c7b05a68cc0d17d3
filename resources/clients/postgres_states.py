"""What PostgreSQL's five-character codes (SQLSTATE) mean for us: away, too busy, or refused."""

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

LOCK_TIMEOUT = "55P03"
_AWAY = ("08", "57P", "53")
"""Beginnings of a database that is away: connection, shutdown, out of connections or space."""

_LOST = {"25P03", "25P04", "57P05"}
"""Sessions that the server ended because they sat idle too long."""

_READ_ONLY = "25006"
"""A server that takes no writes: after a failover, until connections lead to the new primary."""

_BUSY = {LOCK_TIMEOUT, "57014", "40001", "40P01"}
"""Statements that waited too long or had to yield to another: trying again can help."""


def sqlstate(error: BaseException | None) -> str | None:
    """Return PostgreSQL's code of an error, from psycopg's or SQLAlchemy's exception."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    return getattr(origin, "sqlstate", None)


def is_busy(error: Exception) -> bool:
    """Say whether a statement was given up because of others."""
    return sqlstate(error) in _BUSY


def is_away(error: Exception) -> bool:
    """Say whether trying again can help: the database is away, lost the session, or is too busy."""
    if isinstance(error, PoolTimeoutError):
        return True
    origin = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    state = sqlstate(error)
    if state is None:
        return isinstance(origin, psycopg.OperationalError)
    return state.startswith(_AWAY) or state in _LOST or state in _BUSY or state == _READ_ONLY
