"""Coming up, going down, and coming back after the worst."""

import signal
import socket
from contextlib import closing

import psycopg
import pytest
from qdrant_client import QdrantClient
from qdrant_client.models import Distance, PointStruct, VectorParams

from local_stack.members import is_living, members
from tests.local_stack.conftest import Home
from tests.services.loopback import wait_until


def test_down_ends_every_process_and_may_be_said_twice(home: Home) -> None:
    home.rag("up", "--detach")
    pids = [home.supervisor_pid(), home.status()["postgres"]["pid"]]
    home.rag("down")
    assert not members(home.folder)
    assert not any(is_living(pid) for pid in pids)
    assert "No stack" in home.rag("down")
    home.rag("status", expect=1)


def test_after_everything_was_killed_up_finds_the_data_again(home: Home) -> None:
    home.environment["RAG_PARTS"] = "postgres,qdrant"
    home.rag("up", "--detach")
    with closing(QdrantClient(home.stack()["settings"]["qdrant_url"])) as qdrant:
        qdrant.create_collection("kept", vectors_config=VectorParams(size=2, distance=Distance.COSINE))
        qdrant.upsert("kept", [PointStruct(id=1, vector=[1.0, 0.0])], wait=True)
    url = home.stack()["settings"]["database_url"]
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('still here')")
    home.kill9([home.supervisor_pid(), *members(home.folder)])
    home.wait_for_nobody()
    home.rag("up", "--detach")
    assert home.stack()["settings"]["database_url"] == url
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT word FROM kept").fetchone() == ("still here",)
    with closing(QdrantClient(home.stack()["settings"]["qdrant_url"])) as qdrant:
        assert qdrant.count("kept").count == 1


def test_nothing_outlives_a_killed_supervisor(home: Home) -> None:
    home.rag("up", "--detach")
    home.kill9([home.supervisor_pid()])
    home.wait_for_nobody()


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_stack_in_the_foreground_ends_with_its_command(home: Home, by: signal.Signals) -> None:
    with home.start("up") as command:
        assert command.stdout is not None
        said = ""
        while "Ctrl-C stops everything" not in said:
            line = command.stdout.readline()
            assert line, said
            said += line
        command.send_signal(by)
        rest = command.stdout.read()
        code = command.wait(timeout=60)
    assert code == (-9 if by == signal.SIGKILL else 0), rest
    if by != signal.SIGKILL:
        assert "Stopped." in rest
        assert not members(home.folder)
    home.wait_for_nobody()


def test_a_port_in_use_is_named_with_its_setting_before_anything_starts(home: Home) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(home.environment["RAG_POSTGRES_PORT"])))
        taken.listen()
        said = home.rag("up", expect=1)
    assert home.environment["RAG_POSTGRES_PORT"] in said
    assert "RAG_POSTGRES_PORT" in said
    assert not (home.folder / "logs").exists()
    assert not (home.folder / "stack.json").exists()


def test_a_part_that_never_comes_up_ends_the_start_with_its_last_words(home: Home) -> None:
    data = home.folder / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("18\n")
    said = home.rag("up", "--detach", expect=1)
    assert "postgres keeps dying" in said
    assert "rag logs postgres" in said
    assert not members(home.folder)


def test_a_start_that_is_interrupted_leaves_nothing_behind(home: Home) -> None:
    with home.start("up") as command:
        wait_until(lambda: bool(members(home.folder)) or command.poll() is not None, what="the supervisor")
        command.send_signal(signal.SIGTERM)
        command.communicate(timeout=60)
    assert command.returncode == 0
    assert not members(home.folder)
