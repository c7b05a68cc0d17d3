"""``python -m rag_assets.migrating``: brings the catalog's tables and Dagster's to this version, before programs start.

Every program would bring the catalog's tables along by itself; on a cluster one job does it first, so that a script
that fails stops the upgrade and not the programs. Both kinds of tables are only added to, and programs of the version
before go on meanwhile. May run again and again, and several at once.
"""

import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from rag_assets.kubernetes_instance import DATABASE_VARIABLE
from rag_core.errors import ConfigurationError, DependencyUnavailable, RagError

_INSTANCE = f"""\
storage: {{postgres: {{postgres_url: {{env: {DATABASE_VARIABLE}}}}}}}
telemetry: {{enabled: false}}
"""
CONNECT_LIMIT_S = 10
_SCHEMA = re.compile(r"-c ?search_path=([a-z_][a-z0-9_]*)")


def main() -> int:
    """Migrate what the environment names; what is wrong is one line and exit code 1."""
    from resources.clients.settings import load_settings

    try:
        migrate_catalog(load_settings(with_stack=False).require("database_url"))
        migrate_dagster(os.environ)
    except RagError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    return 0


def migrate_catalog(url: str) -> None:
    """Bring the catalog's tables to this version."""
    from resources.clients.catalog import open_catalog
    from resources.clients.catalog.migrating import HEAD

    open_catalog(url).close()
    sys.stdout.write(f"The catalog's tables are of version {HEAD}.\n")


def migrate_dagster(environment: Mapping[str, str]) -> None:
    """Make or migrate Dagster's tables, in the schema that the URL's ``search_path`` names."""
    url = environment.get(DATABASE_VARIABLE)
    if not url:
        raise ConfigurationError(
            f"{DATABASE_VARIABLE} is not set.", remedy="Set it to postgresql+psycopg2://… of Dagster's storage."
        )
    make_schema(url)
    from dagster import DagsterInstance
    from dagster_postgres.utils import DagsterPostgresException
    from sqlalchemy.exc import SQLAlchemyError

    with tempfile.TemporaryDirectory(prefix="rag-migrating-") as home:
        (Path(home) / "dagster.yaml").write_text(_INSTANCE, encoding="utf-8")
        try:
            with DagsterInstance.from_config(home) as instance:
                instance.upgrade()
        except SQLAlchemyError as error:
            raise _refused("Dagster's tables cannot be brought to this version", error) from error
        except DagsterPostgresException as error:  # it has tried again for a while
            raise _refused("Dagster's tables cannot be brought to this version", error.__cause__ or error) from error
    sys.stdout.write("Dagster's tables are up to date.\n")


def make_schema(url: str) -> None:
    """Make the schema that a URL's ``search_path`` names, where it is not there; a role that only uses it may do so.

    PostgreSQL asks for the right to make schemas before it looks whether there is anything to make: we look first.
    """
    import psycopg

    found = _SCHEMA.search(unquote(url))
    plain_url = re.sub(r"^postgresql\+\w+:", "postgresql:", url)
    try:
        with psycopg.connect(plain_url, autocommit=True, connect_timeout=CONNECT_LIMIT_S) as connection:
            if found is None:
                return
            if connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", [found[1]]).fetchone() is None:
                connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{found[1]}"'.encode())
    except psycopg.errors.UniqueViolation:
        return  # another one made it at the same moment
    except psycopg.Error as error:
        raise _refused("The schema of Dagster's tables cannot be made", error) from error


def _refused(what: str, error: BaseException) -> RagError:
    """Return what happened in one line: the database is away, or the role may not do it."""
    from resources.clients.postgres_states import is_away

    reason = (str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__])[0]
    if isinstance(error, Exception) and is_away(error):
        return DependencyUnavailable(f"Dagster's database is away: {reason}", dependency="dagster-database")
    return ConfigurationError(
        f"{what}: {reason}.",
        remedy="Grant the role CREATE on the database, or make the schema and let the role own it.",
    )


if __name__ == "__main__":
    sys.exit(main())
