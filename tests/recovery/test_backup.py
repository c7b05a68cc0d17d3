"""A backup is of one moment, whatever goes on; a restore gives exactly that moment back, wherever either was killed."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from rag_core.arrivals import ArrivalState
from rag_core.errors import ConfigurationError, InvalidRequest
from rag_core.index_spec import Payload
from recovery.auditing import audit_collection
from recovery.backing_up import back_up
from recovery.backup_folder import BackupFolder
from recovery.bringing_back import restore_parts
from recovery.opened import Opened
from recovery.partition_keys import make_partition_keys
from recovery.restoring import holds_a_catalog, restore
from resources.clients.catalog import Catalog
from resources.clients.catalog.snapshots import load_snapshot
from resources.ingestion.folding import remove_unnamed
from tests.catalog.observing import rows
from tests.pipeline.corpus import SUFFIX, Corpus, Killed, assert_same_points, paragraphs
from tests.recovery.losing import killing, loaded, lose_everything, restored
from tests.services.postgres import PostgresServer


def whole_points(corpus: Corpus) -> dict[str, dict[str, Any]]:
    """Return every payload, lineage and all."""
    records, _ = corpus.client.scroll(corpus.name, limit=1000)
    return {str(record.id): dict(record.payload or {}) for record in records}


def test_everything_lost_is_restored_with_lineage_and_without_embedding(
    filled: Corpus, served: Opened, folder: BackupFolder
) -> None:
    before, payloads = filled.points(), whole_points(filled)
    documents = {key: filled.document(key) for key in ("a.md", "b.md", "c.md", "d.md")}
    done = back_up(served, folder)
    assert done.manifest.indexes[0].points == len(before)
    lose_everything(filled, served)
    result = restored(filled, served, folder)
    assert (result.indexes[filled.name].points, result.indexes[filled.name].left) == (5, 0)
    assert_same_points(filled.points(), before)
    assert whole_points(filled) == payloads
    assert {key: filled.document(key) for key in documents} == documents
    assert audit_collection(loaded(filled), served).is_clean
    assert filled.run() == []
    filled.write("e.md", paragraphs("elder"))
    [report] = filled.ingest()
    assert report.counts.indexed == 1
    numbers = rows(served.settings.require("database_url"), "SELECT number FROM claims")
    assert min(number for (number,) in numbers) > 1_000_000_000


def test_what_was_under_way_is_due_and_narrowed_rights_stay_narrow(
    filled: Corpus, served: Opened, folder: BackupFolder
) -> None:
    filled.write("b.md", "")
    filled.write(f"b.md{SUFFIX}", "team: growers\nallowed_groups: [red]")
    filled.ingest()
    assert filled.document("b.md").state is ArrivalState.QUARANTINED
    filled.write("c.md", paragraphs("fig", "lemon"))
    filled.sweep()
    filled.at_step = killing("written")
    [claim] = filled.catalog.claims.request(filled.name, limit=1, launch_grace_s=60)
    started = filled.catalog.claims.start(filled.name, claim.partition, claim.number, run_id="dead", lease_s=60)
    assert started is not None
    with pytest.raises(Killed):
        filled.job("dead").process(started, reconcile=False)
    filled.at_step = lambda _: None
    back_up(served, folder)
    lose_everything(filled, served)
    result = restored(filled, served, folder)
    assert result.indexes[filled.name].documents == 1
    assert filled.texts("b.md") == []
    assert filled.texts("c.md") == []
    filled.run()
    assert "lemon" in filled.texts("c.md")[1]
    [rights] = {
        tuple(payload[Payload.ALLOWED_GROUPS])
        for payload, _, _ in filled.points().values()
        if "plum" in payload[Payload.TEXT]
    }
    assert rights == ("red",)
    assert audit_collection(loaded(filled), served).is_clean


def test_ingestion_goes_on_during_a_backup_and_the_restored_platform_converges(
    filled: Corpus, served: Opened, folder: BackupFolder
) -> None:
    def step(reached: str) -> None:
        if reached == "catalog":
            filled.write("a.md", paragraphs("quince"))
            (filled.folder / "c.md").unlink()
            filled.ingest()
            filled.reconcile(recompute=frozenset({"documents", "chunks", "embeddings"}))
            with filled.catalog._database.transaction() as connection:
                connection.exec_driver_sql(
                    "UPDATE parts SET unnamed_at = now() - interval '2 days' WHERE unnamed_at IS NOT NULL"
                )
            assert remove_unnamed(filled.parts, filled.catalog.parts) == 0

    back_up(served, folder, step=step)
    now = filled.points()
    lose_everything(filled, served)
    restored(filled, served, folder)
    assert "apple" in filled.texts("a.md")[0]
    filled.ingest()
    assert_same_points(filled.points(), now)
    assert audit_collection(loaded(filled), served).is_clean
    assert remove_unnamed(filled.parts, filled.catalog.parts, grace_s=0) > 0


def test_a_killed_restore_is_ended_by_the_next(filled: Corpus, served: Opened, folder: BackupFolder) -> None:
    before = filled.points()
    back_up(served, folder)
    filled.write("z.md", paragraphs("zucchini"))
    filled.ingest()
    for step in ("part", "parts", "dropped", "catalog", "points"):
        shutil.rmtree(served.settings.parquet)
        with pytest.raises(Killed):
            restored(filled, served, folder, step=killing(step))
        if step not in {"part", "parts"}:
            assert filled.writer.spec_of(filled.name) is None, "nobody is sent to an index that is not whole"
    restored(filled, served, folder)
    assert_same_points(filled.points(), before)
    (filled.folder / "z.md").unlink()
    assert audit_collection(loaded(filled), served).is_clean


def test_a_platform_started_after_a_killed_restore_heals_itself(
    filled: Corpus, served: Opened, folder: BackupFolder
) -> None:
    before = filled.points()
    back_up(served, folder)
    lose_everything(filled, served)
    with pytest.raises(Killed):
        restored(filled, served, folder, step=killing("points"))
    filled.write("a.md", paragraphs("apple", "pear") + "\n")
    filled.ingest()
    filled.run()
    assert_same_texts(filled, before)
    assert audit_collection(loaded(filled), served).is_clean


def assert_same_texts(corpus: Corpus, before: dict[str, Any]) -> None:
    assert {point: payload[Payload.TEXT] for point, (payload, _, _) in corpus.points().items()} == {
        point: payload[Payload.TEXT] for point, (payload, _, _) in before.items()
    }


def test_only_parquet_brings_back_what_the_present_catalog_names(
    filled: Corpus, served: Opened, folder: BackupFolder
) -> None:
    held = [part.file for part in back_up(served, folder).manifest.parts]
    filled.write("e.md", paragraphs("elder"))
    filled.ingest()
    for file in held[:2]:
        filled.parts.delete(file)
    broken = Path(served.settings.parquet) / held[2]
    broken.write_bytes(b"PAR1")
    assert restore_parts(served.settings, folder) == 3
    assert audit_collection(loaded(filled), served).is_clean


def test_a_restore_beside_a_running_platform_is_refused(filled: Corpus, served: Opened, folder: BackupFolder) -> None:
    back_up(served, folder)
    with pytest.raises(InvalidRequest, match="platform at rest"):
        restore(served.settings, folder, [loaded(filled)])


def test_processes_that_the_url_gives_another_name_are_seen_too(filled: Corpus, served: Opened) -> None:
    filled.catalog.close()
    url = served.settings.require("database_url")
    named = served.settings.model_copy(update={"database_url": f"{url}{'&' if '?' in url else '?'}application_name=me"})
    assert holds_a_catalog(named)
    with Catalog(named.require("database_url")) as running:
        running.ping()
        with pytest.raises(InvalidRequest, match="platform at rest"):
            holds_a_catalog(named)


def test_a_catalog_of_an_older_version_is_migrated_when_it_is_loaded(postgres: PostgresServer) -> None:
    url = postgres.create_database()

    def rows_of(_: str) -> Iterator[bytes]:
        yield b"old\t7\t2\t3\t4\n"

    columns = ["collection", "next_number", "open_partition", "open_arrivals", "open_bytes"]
    load_snapshot(url, version="0006", tables={"collections": columns}, months=(), rows_of=rows_of)
    assert rows(url, "SELECT collection, next_number, first_claim > 0 FROM collections") == [("old", 7, True)]
    with pytest.raises(ConfigurationError, match="version"):
        load_snapshot(url, version="9999", tables={}, months=(), rows_of=rows_of)
    postgres.drop_database(url)


def test_partition_keys_become_those_of_the_catalog(filled: Corpus, catalog: Catalog) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(f"{filled.name}_blocks", ["000007"])
        made = make_partition_keys(catalog, instance)
        assert (made.added, made.deleted) == (1, 1)
        assert instance.get_dynamic_partitions(f"{filled.name}_blocks") == ["000000"]
        assert make_partition_keys(catalog, instance).added == 0
