"""``/readyz/own``: only what is this process's own keeps requests from it; ``/readyz`` goes on telling everything."""

from pathlib import Path

import psycopg
from fastapi.testclient import TestClient

from query_api.app import create_app
from query_api.connections import Connections
from rag_core.embedding import Embedder
from rag_core.errors import ConfigurationError
from resources.clients.qdrant.connect import connect
from resources.clients.settings import Settings
from tests.pipeline.word_embedder import WordEmbedder
from tests.qdrant.server import EdgeServer
from tests.query_api.conftest import EMBEDDER, World
from tests.retrieval.small_index import Doc, spec_of, write_index
from tests.services.loopback import free_port
from tests.services.postgres import PostgresServer

WELL = {"ready": True, "parts": {"catalog": "ok", "model": "ok"}}


def opened(settings: Settings, connections: Connections) -> TestClient:
    return TestClient(create_app(settings, connections=connections), base_url="http://localhost")


def test_an_index_that_is_away_keeps_no_request_from_the_process(tmp_path: Path, world: World) -> None:
    settings = world.settings(tmp_path, qdrant_url=f"http://127.0.0.1:{free_port()}")
    connections = Connections(settings, open_model=lambda _: EMBEDDER)
    with opened(settings, connections) as api:
        connections.encoders.wait()
        assert api.get("/readyz/own").json() == WELL
        assert api.get("/readyz").json()["parts"] == {"catalog": "ok", "qdrant": "away", "model": "unknown"}


def test_a_model_that_cannot_be_loaded_keeps_neither_requests_nor_the_other_models_away(
    tmp_path: Path, world: World
) -> None:
    def open_model(name: str) -> Embedder:
        if name == "unloadable":
            raise ConfigurationError("No runtime opens it.", remedy="Install torch.")
        return EMBEDDER

    with EdgeServer() as edge:
        client = connect(edge.url)
        for collection, embedder in (("before", WordEmbedder("unloadable")), ("notes", EMBEDDER)):
            write_index(client, collection, embedder, [Doc(uri=f"file:///{collection}", texts=["A text."])])
        client.close()
        settings = world.settings(tmp_path, qdrant_url=edge.url)
        connections = Connections(settings, open_model=open_model)
        with opened(settings, connections) as api:
            connections.encoders.wait()
            assert connections.encoders.is_loaded(spec_of(EMBEDDER))
            assert api.get("/readyz/own").json() == WELL
            told = api.get("/readyz")
            assert (told.status_code, told.json()["parts"]["model"]) == (503, "No runtime opens it.")


def test_a_catalog_is_waited_for_once(tmp_path: Path, world: World, postgres: PostgresServer) -> None:
    never = world.settings(tmp_path, database_url=f"postgresql://rag@127.0.0.1:{free_port()}/rag")
    with opened(never, Connections(never, open_model=lambda _: EMBEDDER)) as api:
        assert api.get("/readyz/own").status_code == 503
        assert api.get("/readyz/own").json()["parts"]["catalog"] == "away"

    url = postgres.create_database()
    once = world.settings(tmp_path, database_url=url)
    connections = Connections(once, open_model=lambda _: EMBEDDER)
    with opened(once, connections) as api:
        connections.encoders.wait()
        assert api.get("/readyz/own").json() == WELL
        with psycopg.connect(postgres.url, autocommit=True) as administrator:
            administrator.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)".encode())
        assert api.get("/readyz").json()["parts"]["catalog"] == "away"
        assert api.get("/readyz/own").json() == WELL


def test_while_models_are_tried_the_process_is_not_ready(tmp_path: Path, world: World) -> None:
    settings = world.settings(tmp_path)
    connections = Connections(settings, open_model=lambda _: EMBEDDER)
    connections.warm_up = lambda **_: None  # pyright: ignore[reportAttributeAccessIssue] - as long as nothing was tried
    with opened(settings, connections) as api:
        told = api.get("/readyz/own")
        assert (told.status_code, told.json()["parts"]) == (503, {"catalog": "ok", "model": "loading"})
        assert int(told.headers["retry-after"]) > 0
