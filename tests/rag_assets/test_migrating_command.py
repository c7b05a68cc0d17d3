"""The job that migrates before programs start, with user and password beside the URL, as the chart gives them."""

import os
import subprocess
import sys
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


def test_missing_database_is_one_line(tmp_path: Path) -> None:
    environment = _environment(1) | {"RAG_HOME": str(tmp_path)}
    done = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The catalog's database is away")
    assert len(done.stderr.splitlines()) == 1
    assert PASSWORD not in done.stderr
