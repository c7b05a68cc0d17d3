"""The corpus of the pipeline's tests, with what recovery opens."""

from dataclasses import replace
from pathlib import Path

import pytest

from recovery.backup_folder import BackupFolder, open_backup
from recovery.opened import Opened
from resources.clients.qdrant.store import QdrantStore
from resources.clients.settings import Settings
from tests.pipeline.conftest import catalog, client, corpus, database_url, edge, migrated, parser, postgres
from tests.pipeline.corpus import SUFFIX, Corpus, paragraphs
from tests.pipeline.edge import EdgeServer

__all__ = ["catalog", "client", "corpus", "database_url", "edge", "migrated", "parser", "postgres"]


@pytest.fixture
def filled(corpus: Corpus) -> Corpus:
    """Four documents, one with rights, one edited and one deleted again."""
    corpus.write("a.md", paragraphs("apple", "pear"))
    corpus.write("b.md", paragraphs("plum"))
    corpus.write(f"b.md{SUFFIX}", "team: growers\nallowed_groups: [red, blue]")
    corpus.write("c.md", paragraphs("fig", "grape"))
    corpus.write("d.md", paragraphs("date"))
    corpus.ingest()
    corpus.write("c.md", paragraphs("fig", "melon"))
    (corpus.folder / "d.md").unlink()
    corpus.ingest()
    return corpus


@pytest.fixture
def tools(corpus: Corpus, database_url: str, tmp_path: Path) -> Opened:
    settings = Settings(home=tmp_path / "home", database_url=database_url, parquet=str(tmp_path / "parts"))
    return Opened(settings=settings, catalog=corpus.catalog, parts=corpus.parts, store=QdrantStore(corpus.client))


@pytest.fixture
def served(tools: Opened, edge: EdgeServer) -> Opened:
    """What recovery opens, with an address of the index: a restore opens its own."""
    return replace(tools, settings=tools.settings.model_copy(update={"qdrant_url": edge.url}))


@pytest.fixture
def folder(tmp_path: Path) -> BackupFolder:
    return open_backup(str(tmp_path / "backup"), environ={}, make=True)
