"""What sensors and the watcher connect to, opened at first use and kept for the life of the process."""

import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from rag_core.collection import BucketSource
from resources.clients.collection_files import LoadedCollection

if TYPE_CHECKING:
    from resources.clients.catalog import Catalog
    from resources.clients.object_store import ObjectStore
    from resources.clients.settings import Settings
    from sensors.dependencies import Dependency
    from sensors.sweep import SourceSweep

OpenCatalog = Callable[[], "Catalog"]
OpenDependencies = Callable[[], "Sequence[Dependency]"]


def shared_catalog() -> "Catalog":
    """Return this process's catalog, its tables up to date; another process, or another database, has its own."""
    from resources.clients.settings import load_settings

    return _catalog_of(load_settings().require("database_url"), os.getpid())


def open_source(loaded: LoadedCollection, source: BucketSource) -> "ObjectStore":
    """Return a source's store; S3 variables that are not set are taken from the running stack."""
    from resources.clients.object_store import open_store
    from resources.clients.settings import load_settings

    environ = {**load_settings().aws_environment(), **os.environ}
    return open_store(source, loaded.base_dir, environ=environ)


def open_sweep(loaded: LoadedCollection, source: BucketSource, catalog: "Catalog") -> "SourceSweep":
    """Return the sweep of a source."""
    from sensors.sweep import SourceSweep

    return SourceSweep(
        collection=loaded.collection,
        source=source,
        base_dir=loaded.base_dir,
        store=open_source(loaded, source),
        catalog=catalog,
    )


def shared_dependencies() -> "Sequence[Dependency]":
    """Return what this process's runs need besides their sources, each with a connection that stays open."""
    from resources.clients.settings import load_settings

    return _dependencies_of(load_settings(), os.getpid())  # pyright: ignore[reportArgumentType] - frozen: it has a hash


@lru_cache(maxsize=4)
def _dependencies_of(settings: "Settings", process_id: int) -> "tuple[Dependency, ...]":
    from sensors.dependencies import part_store, vector_index

    del process_id  # part of the key alone, as below
    return vector_index(settings), part_store(settings.parquet)


@lru_cache(maxsize=4)
def _catalog_of(url: str, process_id: int) -> "Catalog":
    from resources.clients.catalog import open_catalog

    del process_id  # part of the key alone: connections do not survive a fork
    return open_catalog(url)
