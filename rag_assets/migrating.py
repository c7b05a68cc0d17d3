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

    with tempfile.TemporaryDirectory(prefix="rag-migrating-") as home:
        (Path(home) / "dagster.yaml").write_text(_INSTANCE, encoding="utf-8")
        with DagsterInstance.from_config(home) as instance:
            instance.upgrade()
    sys.stdout.write("Dagster's tables are up to date.\n")


def make_schema(url: str) -> None:
    """Make the schema that a URL's ``search_path`` names, where it is not there."""
    import psycopg

    found = _SCHEMA.search(unquote(url))
    if found is None:
        return
    try:
        with psycopg.connect(re.sub(r"^postgresql\+\w+:", "postgresql:", url), autocommit=True) as connection:
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{found[1]}"'.encode())
    except psycopg.errors.UniqueViolation:
        return  # another one made it at the same moment
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise DependencyUnavailable(f"Dagster's database is away: {reason}", dependency="dagster-database") from error


if __name__ == "__main__":
    sys.exit(main())
