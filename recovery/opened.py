"""What recovery works with: catalog, Parquet and index of the settings, opened together and closed together."""

import os
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resources.clients.settings import Settings

if TYPE_CHECKING:
    from rag_core.vector_index import VectorStore
    from resources.clients.catalog import Catalog
    from resources.clients.parquet_parts import PartStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The three stores of one platform."""

    settings: Settings
    catalog: "Catalog"
    parts: "PartStore"
    store: "VectorStore"


@contextmanager
def opened(settings: Settings, *, migrates: bool = True) -> Generator[Opened]:
    """Give the stores that the settings name, the catalog's tables brought to this version, or refused as they are."""
    from resources.clients.catalog import open_catalog
    from resources.clients.parquet_parts import open_parts
    from resources.clients.vector_stores import open_vector_store

    environ = {**os.environ, **settings.aws_environment()}
    with (
        open_catalog(settings.require("database_url"), migrates=migrates) as catalog,
        closing(open_vector_store(settings)) as store,
    ):
        yield Opened(
            settings=settings, catalog=catalog, parts=open_parts(settings.parquet, environ=environ), store=store
        )
