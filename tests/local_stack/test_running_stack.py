"""What holds while a stack runs."""

import json
import os
import stat
import subprocess
from pathlib import Path

import psycopg
import pytest

from local_stack.members import members
from resources.clients.settings import load_settings
from tests.local_stack.conftest import RAG, Home
from tests.services.loopback import wait_until


def test_the_stack_is_found_from_another_shell(running: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_HOME", str(running.folder))
    with psycopg.connect(load_settings().require("database_url")) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("rag",)


def test_both_databases_are_there_and_ask_for_the_password(running: Home) -> None:
    url = running.stack()["settings"]["dagster_database_url"]
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("dagster",)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url.replace("rag:", "rag:not"))


def test_status_tells_what_runs_and_where(running: Home) -> None:
    wait_until(lambda: running.status()["postgres"]["state"] == "running", what="postgres to run")
    postgres = running.status()["postgres"]
    assert Path(f"/proc/{postgres['pid']}/comm").read_text().strip() == "postgres"
    assert postgres["url"] == f"postgresql://127.0.0.1:{running.environment['RAG_POSTGRES_PORT']}/rag"
    assert "postgres" in running.rag("status")


def test_up_tells_programs_what_status_tells_them(running: Home) -> None:
    done = subprocess.run(
        [RAG, "up", "--detach", "--json"],
        env=running.environment,
        cwd=running.folder.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (part,) = json.loads(done.stdout)["parts"]
    assert (part["name"], part["state"]) == ("postgres", "running")
    assert "is running already" in done.stderr


def test_a_second_up_says_so_and_prints_the_addresses(running: Home) -> None:
    said = running.rag("up", "--detach")
    assert "running already" in said
    assert running.environment["RAG_POSTGRES_PORT"] in said


def test_a_second_up_with_other_parts_is_refused_with_the_way_out(running: Home) -> None:
    assert "rag down" in running.rag("up", "--s3", expect=1)


def test_secrets_are_in_no_command_line_and_no_log_and_their_files_are_private(running: Home) -> None:
    secret = (running.folder / "secrets" / "postgres-password").read_text().strip()
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in members(running.folder)]
    assert lines
    assert not any(secret.encode() in line for line in lines)
    assert not any(secret in log.read_text() for log in (running.folder / "logs").iterdir())
    private = [
        running.folder / "stack.json",
        *(running.folder / "secrets").iterdir(),
        *(running.folder / "logs").iterdir(),
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}


def test_everything_listens_on_loopback_only(running: Home) -> None:
    port = int(running.environment["RAG_POSTGRES_PORT"])
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A" and int(line.split()[1].rsplit(":", 1)[1], 16) == port
    ]
    assert listening == [f"0100007F:{port:04X}"]


def test_logs_are_shown_by_name_and_a_wrong_name_lists_the_right_ones(running: Home) -> None:
    assert "ready to accept connections" in running.rag("logs", "postgres", "-n", "1000")
    assert "postgres, supervisor" in running.rag("logs", "../secrets/postgres-password", expect=2)


def test_a_part_that_dies_is_started_again_with_growing_delay_and_status_says_so(running: Home) -> None:
    before = running.status()["postgres"]
    os.kill(before["pid"], 9)
    wait_until(lambda: running.status()["postgres"]["state"] == "restarting", what="status to tell of the death")
    wait_until(lambda: running.status()["postgres"]["state"] == "running", what="postgres to be back")
    again = running.status()["postgres"]
    assert again["restarts"] == before["restarts"] + 1
    assert again["pid"] != before["pid"]
    os.kill(again["pid"], 9)
    wait_until(lambda: running.status()["postgres"]["next_start_in_s"] is not None, what="the announced start")
    assert "starts again in" in running.status()["postgres"]["detail"]
    wait_until(lambda: running.status()["postgres"]["state"] == "running", what="postgres to be back again")
    assert running.status()["postgres"]["restarts"] == before["restarts"] + 2
