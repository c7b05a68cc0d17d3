"""``rag sql`` on a real catalog: what it shows, what it leaves out, and that nothing gets through it that writes."""

import io
import json
import shlex
import sys
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from rag_core.errors import DependencyUnavailable, InvalidRequest
from resources.clients.catalog import migrating
from resources.clients.reading_sql import read_sql
from tests.catalog.observing import rows
from tests.command_line import Rag, in_this_process
from tests.observability.test_runbooks import PAGES, commands_in
from tests.services.loopback import free_port
from tests.services.postgres import PostgresServer

ASKED = sorted(
    command for page in PAGES for command in commands_in(page.read_text()) if "SELECT" in command or "SHOW" in command
)
VERSION = "SELECT version_num FROM catalog_version"


@pytest.fixture
def rag(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Rag:
    monkeypatch.setenv("RAG_HOME", str(tmp_path))
    monkeypatch.setenv("RAG_DATABASE_URL", url)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    return in_this_process(monkeypatch, capsys)


def test_every_statement_of_the_runbooks_runs(rag: Rag) -> None:
    assert len(ASKED) > 15
    assert {command: ran for command in ASKED if (ran := rag(*shlex.split(command)[1:]))[0]} == {}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE catalog_version SET version_num = 'x'",
        "WITH gone AS (DELETE FROM catalog_version RETURNING 1) SELECT count(*) FROM gone",
        "COMMIT; UPDATE catalog_version SET version_num = 'x'",
        "SELECT 1; COMMIT; UPDATE catalog_version SET version_num = 'x'",
        "SHOW timezone; COMMIT; UPDATE catalog_version SET version_num = 'x'",
        "EXPLAIN SELECT 1; COMMIT; UPDATE catalog_version SET version_num = 'x'",
        "EXPLAIN ANALYZE UPDATE catalog_version SET version_num = 'x'",
        "COPY (SELECT 1) TO PROGRAM 'touch {file}'",
        "COPY (SELECT 1) TO '{file}'",
        "/* /* */ SELECT */ COPY (SELECT 1) TO '{file}'",
        "/* /* */ SHOW */ COPY (SELECT 1) TO '{file}'",
        "-- SELECT\nCOPY (SELECT 1) TO '{file}'",
        "SELECT 1 AS version_num INTO made",
        "SELECT * FROM catalog_version FOR UPDATE",
        "SELECT nextval('arrivals_id_seq') FROM set_config('transaction_read_only', 'off', true)",
        "SELECT set_config('transaction_read_only', 'off', true)",
        "DO $$ BEGIN DELETE FROM catalog_version; END $$",
        "SET TRANSACTION READ WRITE",
        "SELECT 1\0; UPDATE catalog_version SET version_num = 'x'",
        "VACUUM",
        "",
    ],
)
def test_nothing_that_writes_passes(url: str, statement: str, server: PostgresServer) -> None:
    file = Path(f"/tmp/rag-sql-{server.port}")  # noqa: S108 - a folder in which the server's own account could write
    with pytest.raises(InvalidRequest):
        read_sql(url, statement.replace("{file}", str(file)), max_rows=10)
    assert rows(url, VERSION) == [(migrating.HEAD,)]
    assert not file.exists()


def test_a_table_says_that_rows_were_left_out(rag: Rag) -> None:
    code, out, err = rag("sql", "SELECT n, NULL AS nothing, E'a\\nb\\x1b[31m' FROM generate_series(1, 1000) AS n")
    shown = out.splitlines()
    assert (code, len(shown), shown[0].split(), shown[1].split()) == (
        0,
        201,
        ["n", "nothing", "?column?"],
        ["1", r"a\nb\x1b[31m"],
    )
    assert "200 rows are shown; more were left out" in err
    assert len(rag("sql", "--limit", "1000", "SELECT generate_series(1, 1000)")[1].splitlines()) == 1001
    assert rag("sql", "SELECT 1 WHERE false") == (0, "No rows.\n", "")


def test_json_has_one_object_a_row_with_numbers_as_numbers(rag: Rag) -> None:
    statement = """SELECT 1.50 AS price, count(*), count(*), 'NaN'::float8 AS odd, true AS yes, NULL AS nothing,
        '{"a": [1]}'::jsonb AS found, 'infinity'::timestamptz AS ever, '\\x00ff'::bytea AS bytes"""
    _, out, _ = rag("sql", "--json", statement)
    assert json.loads(out) == {
        "rows": [
            {
                "price": 1.5,
                "count": 1,
                "count_2": 1,
                "odd": "NaN",
                "yes": True,
                "nothing": None,
                "found": {"a": [1]},
                "ever": "infinity",
                "bytes": "\\x00ff",
            }
        ],
        "left_out": False,
    }


def test_an_answer_holds_so_many_bytes_at_most(url: str) -> None:
    answer = read_sql(url, "SELECT repeat('x', 3_000_000) FROM generate_series(1, 100)", max_rows=100)
    assert (len(answer.rows), answer.has_more) == (5, True)


def test_a_statement_comes_from_standard_input(rag: Rag, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = "SELECT current_setting('transaction_read_only') AS read, current_setting('statement_timeout') AS within"
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"-- which?\n{asked};\n"))
    assert rag("sql", "-")[1].split() == ["read", "within", "on", "1min"]


def test_errors_are_one_line_in_the_words_of_postgresql(rag: Rag) -> None:
    code, out, err = rag("sql", "SELECT stat FROM arrivals")
    assert (code, out) == (2, "")
    assert err.startswith('Error: PostgreSQL: column "stat" does not exist.')
    assert err.count("\n") == 1
    code, out, _ = rag("sql", "--json", "DELETE FROM arrivals")
    assert (code, json.loads(out)["status"]) == (2, 422)


def test_a_database_that_is_away_is_no_fault_of_the_statement() -> None:
    with pytest.raises(DependencyUnavailable) as raised:
        read_sql(f"postgresql://someone:s3cret@127.0.0.1:{free_port()}/rag", "SELECT 1", max_rows=1)
    assert "s3cret" not in str(raised.value)


def test_dagsters_tables_are_asked_for_where_its_processes_are_told(
    rag: Rag, server: PostgresServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ("sql", "--dagster", "--json", "SELECT current_database() AS base, current_setting('search_path') AS path")
    schema = json.loads(rag(*where)[1])["rows"][0]
    assert schema == {"base": url.rsplit("/", 1)[-1], "path": "dagster"}
    driver = server.url.replace("postgresql://", "postgresql+psycopg2://")
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", f"{driver}?options=-csynchronous_commit%3Doff%20-csearch_path%3Dorders")
    monkeypatch.setenv("DAGSTER_HOME", "/etc/rag/dagster")
    assert json.loads(rag(*where)[1])["rows"] == [{"base": "rag", "path": "orders"}]


def test_user_and_password_may_be_in_the_environment(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    given = conninfo_to_dict(server.url)
    monkeypatch.setenv("PGUSER", str(given["user"]))
    monkeypatch.setenv("PGPASSWORD", str(given["password"]))
    asked = read_sql(f"postgresql://127.0.0.1:{server.port}/rag?sslmode=prefer", "SELECT current_user", max_rows=1)
    assert asked.rows == ((given["user"],),)
