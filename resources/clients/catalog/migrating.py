"""Bringing the tables to this version: by itself, at start, safely from several processes.

Programs of two versions work on one catalog while an installation is upgraded. So a script only adds: tables, indexes,
and columns that are null or have a default, which the program before leaves alone. A new table may be there already: a
restore by the program before, the way back from an upgrade, drops only those that it knows. What nothing uses any more
is taken away by a later version's script, when no program that used it may run: then ``OLDEST_PROGRAM`` moves.
"""

from pathlib import Path

from sqlalchemy import Connection, text

from rag_core.errors import ConfigurationError
from resources.clients.catalog.database import Database

VERSION_TABLE = "catalog_version"
HEAD = "0013"
"""The newest script's revision; known here so that a start with nothing to do imports no Alembic."""

OLDEST_PROGRAM = "0011"
"""The oldest program, by its newest script, that works on tables of this version; written beside them."""

MIGRATION_LOCK = 7_264_915_033_001
"""The advisory lock of whoever makes or replaces the tables."""
_ALLOWS = "programs from "
_KNOWN = frozenset({"", *(f"{number:04}" for number in range(1, int(HEAD) + 1))})


def migrate(database: Database) -> None:
    """Run the missing scripts, all or none.

    1. Look without a lock: nearly every start finds nothing to do.
    2. Take the advisory lock: a second process waits here, and then finds it done.
    3. Look again, and run the scripts in the transaction that holds the lock: a crash leaves the old version.
    """
    with database.transaction() as connection:
        if _is_usable(connection, _version(connection)):
            return
    with database.transaction() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '10min'"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        version = _version(connection)
        if _is_usable(connection, version):
            return
        if version not in _KNOWN:
            raise _newer(version)
        upgrade(connection, "head")


def require_version(database: Database) -> None:
    """Raise ``ConfigurationError`` unless this program works on the tables as they are; writes nothing."""
    with database.transaction() as connection:
        version = _version(connection)
        if _is_usable(connection, version):
            return
    if version not in _KNOWN:
        raise _newer(version)
    are = f"are of version {version}" if version else "are not there"
    raise ConfigurationError(
        f"The catalog's tables {are}; this program works on those of {HEAD}, and writes nothing here.",
        remedy="Use the version of rag-assets that made them, or bring them to this one's: 'rag up', with images the "
        "migrations.",
    )


def known_version(version: str) -> bool:
    """Say whether this program can bring tables of that version to its own."""
    return version in _KNOWN


def _newer(version: str) -> ConfigurationError:
    return ConfigurationError(
        f"The catalog's tables are of version {version}, newer than this program's {HEAD}.",
        remedy="Install the version of rag-assets that made them, or a newer one.",
    )


def _is_usable(connection: Connection, version: str) -> bool:
    """Say whether this program works on the tables as they are: its own, or newer ones that still allow it."""
    if version == HEAD:
        return True
    if version in _KNOWN:
        return False
    oldest = connection.execute(text("SELECT obj_description('catalog_version'::regclass)")).scalar_one_or_none() or ""
    return oldest.startswith(_ALLOWS) and oldest.removeprefix(_ALLOWS) <= HEAD


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
    if revision == "head":
        connection.execute(text(f"COMMENT ON TABLE {VERSION_TABLE} IS '{_ALLOWS}{OLDEST_PROGRAM}'"))
