"""The corpus of the pipeline's tests, with what recovery opens."""

from pathlib import Path

import pytest

from recovery.opened import Opened
from resources.clients.qdrant.store import QdrantStore
from resources.clients.settings import Settings
from tests.pipeline.conftest import catalog, client, corpus, database_url, edge, migrated, parser, postgres
from tests.pipeline.corpus import SUFFIX, Corpus, paragraphs

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
