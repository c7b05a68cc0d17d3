"""The job that migrates before programs start, with user and password beside the URL, as the chart gives them."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from resources.clients.catalog.migrating import HEAD
from tests.services.postgres import PASSWORD, PostgresServer

pytestmark = pytest.mark.deploy

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-P", "-m", "rag_assets.migrating"]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as running:
        yield running


def _environment(port: int) -> dict[str, str]:
    place = f"127.0.0.1:{port}/rag"
    options = "options=-csynchronous_commit%3Doff%20-csearch_path%3Ddagster"
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("RAG_", "PG", "DAGSTER_"))},
        "PYTHONPATH": str(ROOT),
        "PGUSER": "rag",
        "PGPASSWORD": PASSWORD,
        "RAG_DATABASE_URL": f"postgresql://{place}",
        "DAGSTER_POSTGRES_URL": f"postgresql+psycopg2://{place}?{options}",
    }


def test_both_kinds_of_tables_are_made_and_a_second_time_is_nothing(server: PostgresServer) -> None:
    for _ in range(2):
        done = subprocess.run(COMMAND, env=_environment(server.port), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
    with psycopg.connect(server.url) as connection:
        row = connection.execute(
            "SELECT version_num, to_regclass('dagster.runs')::text FROM catalog_version"
        ).fetchone()
    assert row == (HEAD, "dagster.runs")


def _lean_role(server: PostgresServer, *, schema: str | None) -> str:
    """Make a role that may make no schema, and one for it in a database of its own; return Dagster's URL."""
    url = server.create_database()
    role = f"lean_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'".encode())
        if schema is not None:
            connection.execute(f"CREATE SCHEMA dagster {schema.replace('ROLE', role)}".encode())
    place = f"127.0.0.1:{server.port}/{url.rsplit('/', 1)[-1]}"
    return f"postgresql+psycopg2://{role}:{PASSWORD}@{place}?options=-csearch_path%3Ddagster"


def _migrated(server: PostgresServer, dagster_url: str) -> subprocess.CompletedProcess[str]:
    environment = _environment(server.port) | {"DAGSTER_POSTGRES_URL": dagster_url}
    return subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=120)


def test_a_role_that_may_make_no_schema_uses_the_one_made_for_it(server: PostgresServer) -> None:
    done = _migrated(server, _lean_role(server, schema="AUTHORIZATION ROLE"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("schema", "said"),
    [(None, "permission denied for database"), ("CREATE TABLE x (); GRANT USAGE ON SCHEMA dagster TO ROLE", "denied")],
)
def test_a_role_without_the_rights_is_told_in_one_line_what_to_grant(
    server: PostgresServer, schema: str | None, said: str
) -> None:
    done = _migrated(server, _lean_role(server, schema=schema))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    assert said in line
    assert "Grant the role CREATE" in line
    assert PASSWORD not in line


def test_missing_database_of_dagster_is_one_line(server: PostgresServer) -> None:
    done = _migrated(server, "postgresql+psycopg2://rag:no@127.0.0.1:1/rag")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: Dagster's database is away")


def test_missing_database_is_one_line(tmp_path: Path) -> None:
    environment = _environment(1) | {"RAG_HOME": str(tmp_path)}
    done = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The catalog's database is away")
    assert len(done.stderr.splitlines()) == 1
    assert PASSWORD not in done.stderr
