"""A stream over a restore: its position is the backup's, and what Kafka holds since then is read once more."""

from dataclasses import replace
from pathlib import Path

from recovery.auditing import audit_collection
from recovery.backing_up import back_up
from recovery.backup_folder import BackupFolder
from recovery.opened import Opened
from resources.clients.qdrant.store import QdrantStore
from resources.clients.settings import Settings
from tests.catalog.observing import rows
from tests.consuming.conftest import Streamed, note, streamed
from tests.pipeline.corpus import paragraphs
from tests.pipeline.edge import EdgeServer
from tests.recovery.losing import loaded, lose_everything, restored

__all__ = ["streamed"]


def test_a_restored_stream_reads_on_from_the_backup_and_loses_and_doubles_nothing(
    streamed: Streamed,
    edge: EdgeServer,
    database_url: str,
    folder: BackupFolder,
    tmp_path: Path,
) -> None:
    settings = Settings(
        home=tmp_path / "home", database_url=database_url, parquet=str(tmp_path / "parts"), qdrant_url=edge.url
    )
    store = QdrantStore(streamed.client)
    tools = Opened(settings=settings, catalog=streamed.catalog, parts=streamed.parts, store=store)
    streamed.send(("a", note("apple")), ("b", note("plum")), ("goes", note("date")))
    streamed.tick()
    streamed.run()
    streamed.send(("late", note("fig")))
    streamed.tick()  # recorded, and in no index yet
    position = streamed.state()
    back_up(tools, folder)

    streamed.send(("a", note("quince")), ("goes", None), ("new", note("melon")))
    assert streamed.tick().recorded == 3
    streamed.run()
    texts = streamed.streamed_texts()
    assert set(texts) == {"a", "b", "late", "new"}
    arrivals = rows(database_url, "SELECT key, presence FROM arrivals ORDER BY key, number")

    lose_everything(streamed, tools)
    restored(streamed, tools, folder)
    assert streamed.state() == position
    assert streamed.streamed_texts() == {"a": [paragraphs("apple")], "b": texts["b"], "goes": [paragraphs("date")]}

    again = streamed.tick()
    assert (again.read, again.recorded, again.stops) == (3, 3, ())
    streamed.run()
    assert streamed.streamed_texts() == texts
    assert rows(database_url, "SELECT key, presence FROM arrivals ORDER BY key, number") == arrivals
    assert streamed.tick().read == 0
    assert audit_collection(loaded(streamed), replace(tools, catalog=streamed.catalog)).is_clean
