"""How tests lose a platform, kill what recovers it, and restore it."""

import shutil
from collections.abc import Callable
from typing import Any

from recovery.backup_folder import BackupFolder
from recovery.opened import Opened
from recovery.restoring import Restored, restore
from resources.clients.collection_files import LoadedCollection
from tests.pipeline.corpus import Corpus, Killed


def loaded(corpus: Corpus) -> LoadedCollection:
    return LoadedCollection(collection=corpus.collection, path=corpus.root / "one.yaml")


def killing(at: str) -> Callable[[str], None]:
    def step(reached: str) -> None:
        if reached.startswith(at):
            raise Killed

    return step


def restored(corpus: Corpus, tools: Opened, folder: BackupFolder, **options: Any) -> Restored:
    corpus.catalog.close()  # a platform at rest has no connections
    return restore(tools.settings, folder, [loaded(corpus)], **options)


def lose_everything(corpus: Corpus, tools: Opened) -> None:
    with corpus.catalog._database.transaction() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    shutil.rmtree(tools.settings.parquet)
    for collection in corpus.client.get_collections().collections:
        corpus.client.delete_collection(collection.name)
