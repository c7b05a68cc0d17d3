"""Both clients against the real API over real HTTP; a test is written once and runs with either."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from anyio.from_thread import BlockingPortal, start_blocking_portal

from query_api.app import create_app
from query_api.connections import Connections
from query_api.uploading.bounds import UploadBounds
from rag_client import AsyncItems, AsyncRagClient, RagClient, Retries
from resources.clients.catalog import Catalog, open_catalog
from resources.clients.settings import Settings
from tests.query_api.conftest import COLLECTION, EMBEDDER, World, postgres, world
from tests.services.postgres import PostgresServer
from tests.services.served_app import served
from tests.uploads.conftest import COLLECTION as PAPERS

__all__ = ["postgres", "world"]
QUESTION = "How long are backups kept?"
FOREIGN = "Which volcano erupted near Reykjavik yesterday?"
QUICK = Retries(attempts=3, first_delay_s=0.01)
MAX_BYTES = 2_000_000


@dataclass(frozen=True)
class Service:
    """The served API: ``handbook`` answers, ``papers`` takes uploads that no run works on by itself."""

    url: str
    catalog: Catalog
    settings: Settings


class Blocking:
    """``AsyncRagClient`` with its methods called from a thread that waits, so that tests read alike for both."""

    def __init__(self, portal: BlockingPortal, **settings: Any) -> None:
        self._portal = portal

        async def opened() -> AsyncRagClient:
            return AsyncRagClient(**settings)

        self._client = portal.call(opened)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*args: Any, **more: Any) -> Any:
            made = method(*args, **more)
            return self._items(made) if isinstance(made, AsyncItems) else self._portal.call(_awaited, made)

        return call

    def close(self) -> None:
        self._portal.call(self._client.aclose)

    def _items(self, items: AsyncItems[Any]) -> Iterator[Any]:
        try:
            while (item := self._portal.call(_next, items)) is not None:
                yield item
        finally:
            self._portal.call(items.aclose)


Open = Callable[..., RagClient]
"""Makes a client of the kind that the test runs with; the async one is only typed as the other."""


@pytest.fixture(scope="session")
def service(world: World, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("client")
    url = postgres.create_database(template=world.database_url)
    folder = home / "collections"
    folder.mkdir()
    for name in (COLLECTION, PAPERS):
        source = {"name": "inbox", "url": str(home / name), "create": True}
        declared = {"name": name, "sources": [source], "uploads": {"source": "inbox", "max_bytes": MAX_BYTES}}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(declared))
    settings = world.settings(home, database_url=url).model_copy(update={"collections": folder})
    bounds = UploadBounds(look_every_s=0.05, heartbeat_s=0.1)
    app = create_app(settings, connections=Connections(settings, open_model=lambda _: EMBEDDER, bounds=bounds))
    with open_catalog(url) as catalog, served(app) as address:
        yield Service(url=address, catalog=catalog, settings=settings)


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as opened:
        yield opened


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest, portal: BlockingPortal) -> Iterator[Open]:
    opened: list[Any] = []

    def client(url: str, **settings: Any) -> Any:
        settings = {"base_url": url, "retries": QUICK, **settings}
        opened.append(RagClient(**settings) if request.param == "sync" else Blocking(portal, **settings))
        return opened[-1]

    yield client
    for each in opened:
        each.close()


@pytest.fixture
def rag(connect: Open, service: Service) -> RagClient:
    return connect(service.url)


@pytest.fixture
def home(service: Service) -> Path:
    return service.settings.home


async def _awaited(made: Any) -> Any:
    return await made


async def _next(items: AsyncItems[Any]) -> Any:
    return await anext(items, None)
