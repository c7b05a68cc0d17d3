"""What the page is tested on: the sample handbook, really ingested, behind a served API with a scripted chat model.

Everything is real but for Dagster and the chat model's words; runs happen when a test says so.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from query_api.app import create_app
from query_api.connections import Connections
from query_api.uploading.bounds import UploadBounds
from rag_core.callers import Scope
from rag_core.streaming import PartitionState, StreamState, TopicState
from resources.clients.catalog import open_catalog
from resources.clients.catalog.keys import WantedKey
from resources.clients.embedders import open_embedder
from resources.clients.parsing import ParserSandbox
from resources.clients.qdrant.connect import connect
from resources.clients.settings import Settings
from tests.catalog.observing import rows
from tests.pipeline.corpus import Corpus
from tests.pipeline.word_embedder import WordEmbedder
from tests.qdrant.server import EdgeServer
from tests.services.chat_server import ChatServer
from tests.services.postgres import PostgresServer
from tests.services.served_app import served

COLLECTION = "handbook"
NOTES = "notes"
SAMPLES = Path(__file__).parents[2] / "collections" / "samples" / "handbook"
BROKEN_PDF = "floor-plans.pdf"
QUICK = UploadBounds(look_every_s=0.05, heartbeat_s=0.5)


@dataclass(frozen=True, kw_only=True)
class PageWorld:
    """The API's two addresses, without keys and with, and what a test moves behind them."""

    url: str
    guarded_url: str
    corpus: Corpus
    chat: ChatServer

    def new_key(self, name: str, *scopes: Scope, groups: tuple[str, ...] | None = None) -> str:
        """Make a key and return its text."""
        held = None if groups is None else frozenset(groups)
        wanted = WantedKey(name=name, scopes=frozenset(scopes or [Scope.READ]), collections=None, groups=held)
        return self.corpus.catalog.keys.create(wanted)[0].text


@contextmanager
def page_world(root: Path) -> Iterator[PageWorld]:
    """Give the world while the ``with`` block lasts."""
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer())
        edge = stack.enter_context(EdgeServer())
        chat = stack.enter_context(ChatServer())
        parser = stack.enter_context(ParserSandbox())
        database_url = postgres.create_database()
        catalog = stack.enter_context(open_catalog(database_url))
        client = connect(edge.url)
        stack.callback(client.close)
        embedder = _embedder(root)
        stack.callback(embedder.close)
        corpus = Corpus(
            root=root,
            catalog=catalog,
            client=client,
            parser=parser,
            name=COLLECTION,
            embedder=embedder,
            changed=_declared(root, embedder.name),
        )
        _fill(corpus, root, database_url)
        _ingest_notes(corpus, root / "notes")

        def api(**changed: Any) -> str:
            settings = Settings(
                home=root,
                collections=root / "collections",
                database_url=database_url,
                qdrant_url=edge.url,
                dagster_url="http://127.0.0.1:3000",
                **changed,
            )
            connections = Connections(settings, open_model=lambda _: corpus.embedder, bounds=QUICK)
            app = create_app(settings, connections=connections)
            url = stack.enter_context(served(app))
            stack.callback(connections.end_streams)
            return url

        yield PageWorld(
            url=api(auth="off", chat_url=chat.url, chat_model="tiny"), guarded_url=api(), corpus=corpus, chat=chat
        )


def _embedder(root: Path) -> Any:
    """Return what embeds: words will do, but pictures show the model that people have."""
    if os.environ.get("RAG_SCREENSHOTS"):
        return open_embedder("all-MiniLM-L6-v2", cache_dir=root / "models")
    return WordEmbedder()


def _declared(root: Path, model: str) -> dict[str, Any]:
    """Return what differs from the corpus's own collection: real chunks, titles, uploads."""
    source = {
        "name": "folder",
        "url": str(root / "documents"),
        "metadata": [{"from": "front_matter", "fields": ["title", "section", "owner"]}],
    }
    return {
        "sources": [source],
        "chunking": {},
        "embedding": {"model": model},
        "uploads": {"source": "folder"},
        "partition_size": 64,
    }


def _fill(corpus: Corpus, root: Path, database_url: str) -> None:
    shutil.copytree(SAMPLES, corpus.folder, dirs_exist_ok=True)
    (corpus.folder / BROKEN_PDF).write_bytes(b"%PDF-1.7\nnothing behind it")
    corpus.ingest()
    (root / "collections").mkdir()
    declared = corpus.collection.model_dump(mode="json", exclude_defaults=True, by_alias=True) | {"name": COLLECTION}
    (root / "collections" / f"{COLLECTION}.yaml").write_text(yaml.safe_dump(declared))
    read = PartitionState(next_offset=1203, end_offset=1220, records=1203, records_per_s=4.2)
    topics = {"handbook-edits": TopicState(topic_id="t", incarnation=0, partitions={0: read})}
    position = json.dumps(StreamState(topics=topics).to_json())
    insert = "INSERT INTO positions (collection, source, value, version) VALUES (%s, 'wiki', %s, 1)"
    rows(database_url, insert, [COLLECTION, position])


def _ingest_notes(corpus: Corpus, root: Path) -> None:
    """Make a second collection of one document."""
    root.mkdir()
    changed = {"chunking": {}, "embedding": {"model": corpus.embedder.name}}
    notes = replace(corpus, root=root, name=NOTES, changed=changed)
    notes.write("lunch.md", "# Lunch\n\nLunch is served in the canteen on the third floor from half past eleven.\n")
    notes.ingest()
