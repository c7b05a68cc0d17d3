"""URL settings replace parts; S3 and Dagster beside a database that is somebody else's."""

import json
import urllib.request
from collections.abc import Iterator

import obstore
import psycopg
import pytest
from obstore.exceptions import BaseError
from obstore.store import S3Store

from local_stack.members import members
from tests.local_stack.conftest import Home, new_home
from tests.services.loopback import free_block, free_port
from tests.services.postgres import PostgresServer

WORKSPACE = __file__.replace("test_replaced_parts.py", "one_asset.yaml")


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with PostgresServer() as server:
        yield server.create_database()


@pytest.fixture(scope="module")
def beside(database: str) -> Iterator[Home]:
    """S3 and Dagster, in front of a database that a URL setting names."""
    made = new_home(
        "postgres,s3,dagster-webserver,dagster-daemon",
        RAG_DATABASE_URL=database,
        RAG_S3_PORT=str(free_block(10)),
        RAG_WORKSPACE=WORKSPACE,
    )
    made.rag("up", "--detach")
    yield made
    made.clear()
    assert not members(made.folder)


def test_a_url_setting_replaces_its_part(beside: Home) -> None:
    assert "postgres" not in {part["name"] for part in beside.stack()["parts"]}
    assert beside.status()["postgres"]["state"] == "external"
    assert not (beside.folder / "postgres").exists()


def test_s3_has_its_bucket_and_refuses_other_keys(beside: Home) -> None:
    settings = beside.stack()["settings"]
    mine, other = settings["s3_secret_access_key"], "somebody-elses"
    stores = {
        secret: S3Store(
            "rag",
            endpoint=settings["s3_endpoint"],
            access_key_id=settings["s3_access_key_id"],
            secret_access_key=secret,
            region="us-east-1",
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )
        for secret in (mine, other)
    }
    obstore.put(stores[mine], "a b.txt", b"text")
    assert obstore.get(stores[mine], "a b.txt").bytes() == b"text"
    with pytest.raises(BaseError):
        obstore.get(stores[other], "a b.txt")


def test_dagster_keeps_to_a_schema_of_its_own_in_a_shared_database(beside: Home, database: str) -> None:
    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT DISTINCT schemaname FROM pg_tables WHERE tablename = 'runs'").fetchall()
    assert found == [("dagster",)]


def test_dagster_serves_the_workspace_with_the_queue_as_configured(beside: Home) -> None:
    query = json.dumps({"query": "{ instance { info } assetNodes { id } }"})
    request = urllib.request.Request(  # noqa: S310 - our own server's address
        f"{beside.stack()['settings']['dagster_url']}/graphql",
        data=query.encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:  # noqa: S310 - as above
        data = json.load(response)["data"]
    assert len(data["assetNodes"]) == 1
    assert "max_concurrent_runs: 2" in data["instance"]["info"]
    assert "dequeue_interval_seconds: 1" in data["instance"]["info"]
    assert "only-for-tests" not in data["instance"]["info"]


def test_a_database_url_that_leads_nowhere_is_an_error_that_names_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(home.environment, "RAG_DATABASE_URL", f"postgresql://a:hidden@127.0.0.1:{free_port()}/b")
    monkeypatch.setitem(home.environment, "RAG_PARTS", "postgres,s3")
    said = home.rag("up", expect=1)
    assert "RAG_DATABASE_URL" in said
    assert "hidden" not in said
    assert not members(home.folder)
