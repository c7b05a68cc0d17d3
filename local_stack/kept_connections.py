"""Dagster's storage with its connections kept open: otherwise it connects anew for each question and each event."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DagsterInstance

STATEMENT_LIMIT_MS = 60_000
RECONNECT_AFTER_S = 300


def keep_connections(instance: "DagsterInstance", *, most_beside: int) -> None:
    """Let each of the instance's three storages keep one connection, and open ``most_beside`` others while asked."""
    instance.optimize_for_webserver(
        statement_timeout=STATEMENT_LIMIT_MS, pool_recycle=RECONNECT_AFTER_S, max_overflow=most_beside
    )
