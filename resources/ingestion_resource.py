"""What a Dagster run needs to ingest, built when the run begins and closed when it ends."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg

from resources.block_work import BlockWork


class IngestionResource(dg.ConfigurableResource):
    """Opens catalog, index, part store, sources, parser and embedder of one collection from the ``RAG_`` settings.

    It has no configuration of its own: addresses and secrets stay in the settings and are never shown in the UI.
    """

    @contextmanager
    def opened(
        self, collection: str, *, run_id: str, code_version: str, say: Callable[[str], None]
    ) -> Iterator[BlockWork]:
        """Yield the work that can be done on blocks of a collection; heavy parts are opened when first needed."""
        from resources.block_work import opened_block_work
        from resources.clients.settings import load_settings

        opened = opened_block_work(
            load_settings(), collection, run_id=run_id, code_version=code_version, environment=os.environ, say=say
        )
        with opened as work:
            yield work
