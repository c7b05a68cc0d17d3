"""A real API on a real port over a real catalog; what runs do to an arrival is written straight into the catalog."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
import yaml

from query_api.app import create_app
from query_api.connections import Connections
from query_api.uploading.bounds import UploadBounds
from rag_core.collection import Collection
from resources.clients.catalog import Catalog
from resources.clients.object_store import open_store
from resources.clients.settings import Settings
from sensors.sweep import SourceSweep
from sensors.sweep_tick import SweepTick
from tests.catalog.conftest import catalog, migrated, server, url
from tests.services.loopback import free_port, wait_until

__all__ = ["catalog", "migrated", "server", "url"]

COLLECTION = "papers"
MAX_BYTES = 100_000
UPLOADS: dict[str, Any] = {"source": "inbox", "max_bytes": MAX_BYTES, "max_request_bytes": 300_000, "max_files": 5}


@dataclass
class Desk:
    """One collection that takes uploads, the folder they go to, and the API in front of it."""

    home: Path
    catalog: Catalog
    url: str
    declared: dict[str, Any] = field(default_factory=dict[str, Any])
    api: str = ""

    @property
    def inbox(self) -> Path:
        return self.home / "inbox"

    @property
    def collection(self) -> Collection:
        return Collection.model_validate(self.declared)

    def declare(self, **changed: Any) -> None:
        source = {"name": "inbox", "url": str(self.inbox), "create": True}
        self.declared = {"name": COLLECTION, "sources": [source], "uploads": UPLOADS, **changed}
        (self.home / "collections").mkdir(exist_ok=True)
        (self.home / "collections" / f"{COLLECTION}.yaml").write_text(yaml.safe_dump(self.declared))

    def settings(self) -> Settings:
        return Settings(
            home=self.home,
            collections=self.home / "collections",
            database_url=self.url,
            qdrant_url="http://127.0.0.1:1",
            dagster_url="http://dagster:3000",
            auth="off",
        )

    def post(self, *files: tuple[str, bytes], path: str = "/v1/documents", **more: Any) -> httpx.Response:
        parts = [("file", (name, content)) for name, content in files]
        return httpx.post(self.api + path, files=parts, timeout=30, **more)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.api + path, timeout=30)

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.inbox)) for path in self.inbox.rglob("*") if path.is_file())

    def arrivals(self) -> list[tuple[int, str, str]]:
        return [
            (row.newest_arrival, row.key, row.state.value)
            for row in self.catalog.queries.documents(COLLECTION, limit=500).documents
        ]

    def recorded(self) -> int:
        """How many arrivals there are, older versions too."""
        return sum(self.catalog.queries.counts_by_state(COLLECTION).values())

    def sweep(self) -> SweepTick:
        """A whole sweep of the inbox, as a sensor's tick does it."""
        source = self.collection.sources[0]
        pace = source.sweep.model_copy(update={"interval_s": -1e9})
        source = source.model_copy(update={"sweep": pace})
        return SourceSweep(
            collection=self.collection,
            source=source,
            base_dir=self.home / "collections",
            store=open_store(source, self.home / "collections"),
            catalog=self.catalog,
        ).tick()


Serve = Callable[[UploadBounds], None]


@pytest.fixture
def desk(catalog: Catalog, url: str, tmp_path: Path) -> Desk:
    made = Desk(home=tmp_path, catalog=catalog, url=url)
    made.declare()
    made.inbox.mkdir()
    return made


@pytest.fixture
def serve(desk: Desk) -> Iterator[Serve]:
    """Serve the API under other bounds than the usual ones."""
    stopping: list[Callable[[], None]] = []

    def started(bounds: UploadBounds) -> None:
        settings = desk.settings()
        app = create_app(settings, connections=Connections(settings, bounds=bounds))
        port = free_port()
        running = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical"))
        thread = threading.Thread(target=lambda: asyncio.run(running.serve()))
        thread.start()
        wait_until(lambda: running.started, what="the query API to listen")
        desk.api = f"http://127.0.0.1:{port}"

        def stop() -> None:
            app.state.connections.end_streams()
            running.should_exit = True
            thread.join(timeout=30)

        stopping.append(stop)

    yield started
    for stop in stopping:
        stop()


@pytest.fixture
def api(desk: Desk, serve: Serve) -> Desk:
    serve(UploadBounds())
    return desk
