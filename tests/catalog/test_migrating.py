"""The tables build themselves: from several processes at once, exactly as the schema says, never backwards."""

import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from local_stack.cli.main import main
from rag_core.errors import ConfigurationError, DependencyUnavailable
from resources.clients.catalog import Catalog, migrating, open_catalog
from resources.clients.catalog.database import Database
from resources.clients.catalog.schema import METADATA
from resources.clients.catalog.values import CatalogError
from tests.catalog.observing import id_of, rows
from tests.services.loopback import free_port
from tests.services.postgres import PostgresServer

COLUMNS = """
SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default, is_generated, is_identity
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'catalog_version' ORDER BY 1, 2
"""
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'catalog_version' ORDER BY 1"
CHECKS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'p') AND conrelid::regclass::text <> 'catalog_version'
ORDER BY 1, 2
"""

STRICT = """
SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    AND contype IN ('c', 'p', 'u', 'f', 'x')
UNION ALL
SELECT indrelid::regclass::text, indexrelid::regclass::text FROM pg_index
WHERE indisunique AND indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
"""


def test_migrations_build_exactly_the_schema(server: PostgresServer, migrated: str) -> None:
    url = server.create_database()
    database = Database(url)
    METADATA.create_all(database.engine)
    database.close()
    for statement in (COLUMNS, INDEXES, CHECKS):
        assert rows(migrated, statement) == rows(url, statement)
    server.drop_database(url)


def test_several_processes_migrate_one_database_at_once(server: PostgresServer) -> None:
    url = server.create_database()
    script = "import sys; from resources.clients.catalog import open_catalog; open_catalog(sys.argv[1]).ping()"
    root = Path(__file__).parents[2]
    processes = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", script, url], cwd=root, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    errors = [process.communicate(timeout=120)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], errors
    assert rows(url, "SELECT version_num FROM catalog_version") == [(migrating.HEAD,)]
    server.drop_database(url)


def test_head_is_the_newest_script() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrating.__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == migrating.HEAD
    assert {script.revision for script in scripts.walk_revisions()} | {""} == migrating._KNOWN


def test_tables_of_a_newer_program_are_used_where_they_allow_this_one(server: PostgresServer, migrated: str) -> None:
    url = server.create_database(template=migrated)
    rows(url, "UPDATE catalog_version SET version_num = '9999'")
    rows(url, f"COMMENT ON TABLE catalog_version IS 'programs from {migrating.HEAD}'")
    with open_catalog(url) as catalog:
        catalog.ping()
    rows(url, "COMMENT ON TABLE catalog_version IS 'programs from 9998'")
    with pytest.raises(ConfigurationError, match="newer"):
        open_catalog(url)
    assert rows(url, "SELECT version_num FROM catalog_version") == [("9999",)]
    server.drop_database(url)


@pytest.mark.parametrize(("revision", "said"), [("", "are not there"), ("0010", "are of version 0010")])
def test_an_audit_leaves_the_tables_of_another_version_alone(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: str, said: str
) -> None:
    url = server.create_database()
    if revision:
        database = Database(url)
        with database.transaction() as connection:
            migrating.upgrade(connection, revision)
        database.close()
    before = rows(url, COLUMNS)
    (tmp_path / "notes.yaml").write_text("name: notes\nsources: [{name: inbox, url: inbox}]\n")
    for name, value in {"HOME": tmp_path / "home", "COLLECTIONS": tmp_path, "DATABASE_URL": url}.items():
        monkeypatch.setenv(f"RAG_{name}", str(value))
    monkeypatch.setenv("RAG_QDRANT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr(sys, "argv", ["rag", "--debug", "audit"])
    with pytest.raises(ConfigurationError, match=said):
        main()
    assert rows(url, COLUMNS) == before
    server.drop_database(url)


def test_every_script_leaves_what_the_program_before_it_uses(server: PostgresServer) -> None:
    """A script only adds: otherwise the version before fails while an installation is upgraded."""
    url = server.create_database()
    database = Database(url)
    before: dict[tuple[str, str], tuple[str, str]] = {}
    strict: set[tuple[str, str]] = set()
    for revision in sorted(migrating._KNOWN - {""}):
        with database.transaction() as connection:
            migrating.upgrade(connection, revision)
        now = {(row[0], row[1]): (row[2], row[4]) for row in rows(url, COLUMNS)}
        filled = {(row[0], row[1]) for row in rows(url, COLUMNS) if row[5] or row[4] == "YES" or "YES" in row[6:]}
        known = {table for table, _ in before}
        constraints = {(str(row[0]), str(row[1])) for row in rows(url, STRICT)}
        for column, kind in before.items():
            assert now.get(column) == kind, f"{revision} changes or drops {column}"
        for column in now.keys() - before.keys():
            assert column[0] not in known or column in filled, f"{revision} adds {column}, which nothing fills"
        added = {one for one in constraints - strict if one[0] in known}
        assert not added, f"{revision} forbids what was allowed: {added}"
        before, strict = now, constraints
    database.close()
    server.drop_database(url)


def test_a_restore_by_the_program_before_leaves_no_table_that_stops_the_next_upgrade(
    server: PostgresServer, migrated: str
) -> None:
    url = server.create_database(template=migrated)
    with open_catalog(url) as catalog:
        platform = catalog.platform()
    before = Database(url)
    with before.transaction() as connection:
        for table in reversed(METADATA.sorted_tables):
            if table.name != "platform":
                connection.exec_driver_sql(f'DROP TABLE "{table.name}" CASCADE')
        connection.exec_driver_sql("DROP TABLE catalog_version")
        migrating.upgrade(connection, "0012")
    before.close()
    with open_catalog(url) as catalog:
        assert catalog.platform() == platform
    server.drop_database(url)


def test_database_that_is_away_is_a_dependency_and_shows_no_password() -> None:
    with pytest.raises(DependencyUnavailable) as raised:
        open_catalog(f"postgresql://someone:s3cret@127.0.0.1:{free_port()}/rag")
    assert raised.value.dependency == "catalog"
    assert "s3cret" not in str(raised.value)


def test_other_databases_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="PostgreSQL"):
        Catalog("sqlite:///catalog.db")


def test_catalog_goes_on_after_the_server_was_killed(server: PostgresServer, catalog: Catalog) -> None:
    catalog.ping()
    server.kill9()
    try:
        with pytest.raises(DependencyUnavailable):
            catalog.ping()
    finally:
        server.start()  # others use it, too
    catalog.ping()


def test_error_of_our_own_statement_is_not_called_an_outage(catalog: Catalog, url: str) -> None:
    database = Database(url)
    with pytest.raises(CatalogError, match="UndefinedColumn") as raised, database.transaction() as connection:
        connection.execute(text("SELECT nothing_like_it"))
    assert raised.value.sqlstate == "42703"
    database.close()


def test_errors_show_neither_parameters_nor_values(url: str) -> None:
    database = Database(url)
    insert = text("INSERT INTO collections (collection) VALUES (:name), (:name)")
    with pytest.raises(CatalogError) as raised, database.transaction() as connection:
        connection.execute(insert, {"name": "secret-name"})
    assert (raised.value.sqlstate, "table collections" in str(raised.value)) == ("23505", True)
    assert "secret-name" not in "".join(traceback.format_exception(raised.value))
    database.close()


def test_options_of_the_url_hold_beside_our_own(url: str) -> None:
    own = "options=-c%20search_path%3Dpublic%2Cpg_temp%20-c%20lock_timeout%3D7s&application_name=mine"
    database = Database(f"{url}?{own}")
    ask = "SELECT current_setting(:name)"
    names = ("search_path", "lock_timeout", "timezone", "application_name")
    with database.transaction() as connection:
        pooled = [connection.execute(text(ask), {"name": name}).scalar_one() for name in names]
    with database.session() as session:
        alone = [session.execute(ask.replace(":name", "%s"), [name]).fetchall()[0][0] for name in names]
    assert pooled == alone == ["public,pg_temp", "7s", "UTC", "mine"]
    database.close()


def test_tables_of_the_first_version_are_brought_up_with_their_rows(server: PostgresServer, migrated: str) -> None:
    url = server.create_database(template=migrated)
    config = Config()
    config.set_main_option("script_location", str(Path(migrating.__file__).parent / "migrations"))
    database = Database(url)
    with database.transaction() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    database.close()
    arrival = """
    INSERT INTO arrivals (collection, number, partition, document_id, source, key, uri, presence, announced, size_bytes,
                          state) VALUES ('papers', 0, 0, %s, 'bucket', 'a', 'file:///a', 'present', 'v', 1, 'indexed')
    """
    rows(url, arrival, [id_of("a")])
    held = """
    INSERT INTO document_indexes (document_id, index_name, collection, indexed_arrival, indexed_run, confirmed_arrival,
                                  confirmed_run, version) VALUES (%s, 'i', 'papers', 0, 'r', 0, 'r', 'v')
    """
    rows(url, held, [id_of("a")])
    open_catalog(url).close()
    assert rows(url, "SELECT source, asked_at FROM document_indexes") == [("bucket", None)]
    for statement in (COLUMNS, INDEXES, CHECKS):
        assert rows(migrated, statement) == rows(url, statement)
    server.drop_database(url)
