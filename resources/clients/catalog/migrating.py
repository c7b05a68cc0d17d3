"""Bringing the tables to this version: by itself, at start, safely from several processes."""

from pathlib import Path

from sqlalchemy import Connection, text

from rag_core.errors import ConfigurationError
from resources.clients.catalog.database import Database

VERSION_TABLE = "catalog_version"
HEAD = "0011"
"""The newest script's revision; known here so that a start with nothing to do imports no Alembic."""

_LOCK = 7_264_915_033_001
_KNOWN = frozenset({"", "0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011"})


def migrate(database: Database) -> None:
    """Run the missing scripts, all or none.

    1. Look without a lock: nearly every start finds nothing to do.
    2. Take the advisory lock: a second process waits here, and then finds it done.
    3. Look again, and run the scripts in the transaction that holds the lock: a crash leaves the old version.
    """
    with database.transaction() as connection:
        if _version(connection) == HEAD:
            return
    with database.transaction() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '10min'"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        version = _version(connection)
        if version == HEAD:
            return
        if version not in _KNOWN:
            raise ConfigurationError(
                f"The catalog's tables are of version {version}, newer than this program's {HEAD}.",
                remedy="Install the version of rag-assets that made them, or a newer one.",
            )
        upgrade(connection, "head")


def known_version(version: str) -> bool:
    """Say whether this program can bring tables of that version to its own."""
    return version in _KNOWN


def _version(connection: Connection) -> str:
    exists = connection.execute(text("SELECT to_regclass('catalog_version') IS NOT NULL")).scalar_one()
    if not exists:
        return ""
    return connection.execute(text("SELECT version_num FROM catalog_version")).scalar_one_or_none() or ""


def upgrade(connection: Connection, revision: str) -> None:
    """Run the scripts up to a revision on a connection that is in a transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
