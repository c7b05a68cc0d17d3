"""A real PostgreSQL, SeaweedFS and moto, each once a session; a fresh catalog a test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag_core.collection import BucketSource, Collection
from resources.clients.catalog import Catalog
from resources.clients.object_store import open_store
from sensors.sweep import SourceSweep
from tests.catalog.conftest import catalog, migrated, server, url  # noqa: F401 - fixtures
from tests.services.seaweed import SeaweedServer
from tests.sources.aws_answers import AwsAnswers

OpenSweep = Callable[..., SourceSweep]


@pytest.fixture(scope="session")
def seaweed() -> Iterator[SeaweedServer]:
    with SeaweedServer() as running:
        yield running


@pytest.fixture(scope="session")
def aws() -> Iterator[AwsAnswers]:
    with AwsAnswers() as running:
        yield running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    return made


@pytest.fixture
def open_sweep(catalog: Catalog, root: Path) -> OpenSweep:  # noqa: F811 - the fixture
    """Return a way to open the sweep of a source, by default of the folder ``root``, due at once at every tick."""

    def opened(*, environ: dict[str, str] | None = None, page_keys: int = 1000, **declared: object) -> SourceSweep:
        keys_per_tick = declared.pop("keys_per_tick", 10_000)
        source = BucketSource.model_validate({"name": "landing", "url": str(root), **declared})
        pace = source.sweep.model_copy(update={"interval_s": -1e9, "max_keys_per_tick": keys_per_tick})
        source = source.model_copy(update={"sweep": pace})
        return SourceSweep(
            collection=Collection(name="notes", sources=(source,)),
            source=source,
            base_dir=root.parent,
            store=open_store(source, root.parent, environ=environ or {}),
            catalog=catalog,
            page_keys=page_keys,
        )

    return opened
