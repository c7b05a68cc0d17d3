"""A run in a process of its own that kills itself at one step."""

import os
import signal
from dataclasses import replace
from pathlib import Path

from rag_core.vector_index import IndexWrite
from resources.clients.catalog import open_catalog
from resources.clients.parsing import ParserSandbox
from resources.clients.qdrant.connect import connect
from tests.pipeline.corpus import Corpus, WatchedWriter

RUN_ID = "doomed"
BEFORE_DELETING = "before deleting"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DoomedWriter(WatchedWriter):
    """Writes all but the deletions, then dies."""

    def apply(self, physical: str, write: IndexWrite) -> None:
        super().apply(physical, replace(write, deletes=()))
        die()


def run_and_die(*, step: str, name: str, root: Path, database_url: str, qdrant_url: str) -> None:
    """Do all due work of a corpus up to ``step``."""
    client = connect(qdrant_url)
    with open_catalog(database_url) as catalog, ParserSandbox() as parser:
        corpus = Corpus(root=root, catalog=catalog, client=client, parser=parser, name=name)
        corpus.lease_s = 0.5
        if step == BEFORE_DELETING:
            corpus.__dict__["writer"] = DoomedWriter(client)
        corpus.at_step = lambda reached: die() if reached == step else None
        corpus.run(run_id=RUN_ID)
