"""A collection as Dagster runs it: materializations with numbers, checks, retries, loading, housekeeping."""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from rag_assets.definitions import build_definitions
from rag_assets.described import LAYERS, asset_key
from rag_core.arrivals import Observation, Presence
from resources.clients.catalog import Catalog, open_catalog
from resources.clients.catalog.values import CLAIM_TAG, PartitionLimits
from resources.clients.settings import load_settings
from tests.qdrant.server import EdgeServer
from tests.services.postgres import PostgresServer

JOB = "ingest_notes_job"
ROLLS = {
    "a.md": "# Backups\n\nDaily backups are kept for 35 days.\n",
    "b.md": "# Quotas\n\nEvery team has 500 GB of block storage.\n",
}


@dataclass
class Place:
    """A folder of notes, its collection file, catalog, index and a Dagster instance."""

    inbox: Path
    catalog: Catalog
    instance: dg.DagsterInstance

    @property
    def definitions(self) -> dg.Definitions:
        return build_definitions(load_settings())

    def record(self, *keys: str, presence: Presence = Presence.PRESENT, announced: str = "1") -> None:
        seen = [
            Observation(
                key=key,
                uri=(self.inbox / key).as_uri(),
                presence=presence,
                announced="" if presence is Presence.GONE else announced,
                size_bytes=10,
            )
            for key in keys
        ]
        recorded = self.catalog.recording.record(
            "notes", "inbox", seen, position=None, limits=PartitionLimits(size=2, bytes=10**9)
        )
        self.instance.add_dynamic_partitions("notes_blocks", [f"{block:06d}" for block in recorded.partitions])

    def run(self, partition: str, *, tags: dict[str, str] | None = None) -> dg.ExecuteInProcessResult:
        job = self.definitions.resolve_job_def(JOB)
        return job.execute_in_process(partition_key=partition, instance=self.instance, tags=tags, raise_on_error=False)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as running:
        yield running


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeServer]:
    with EdgeServer(tmp_path_factory.mktemp("edge")) as running:
        yield running


@pytest.fixture
def place(
    postgres: PostgresServer, edge: EdgeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    inbox, collections = tmp_path / "inbox", tmp_path / "collections"
    inbox.mkdir()
    collections.mkdir()
    (collections / "notes.yaml").write_text(
        f"name: notes\npartition_size: 2\nsources:\n  - {{name: inbox, url: '{inbox.as_uri()}'}}\n"
    )
    url = postgres.create_database()
    for name, value in {
        "HOME": tmp_path / "home", "COLLECTIONS": collections, "DATABASE_URL": url, "QDRANT_URL": edge.url
    }.items():  # fmt: skip
        monkeypatch.setenv(f"RAG_{name}", str(value))
    (tmp_path / "home").mkdir()
    for key, text in ROLLS.items():
        (inbox / key).write_text(text)
    with open_catalog(url) as catalog, dg.DagsterInstance.ephemeral() as instance:
        yield Place(inbox=inbox, catalog=catalog, instance=instance)
    with closing(edge.client()) as client:
        for found in client.get_collections().collections:
            client.delete_collection(found.name)
    postgres.drop_database(url)


def numbers(result: dg.ExecuteInProcessResult, layer: str) -> dict[str, object]:
    (made,) = result.asset_materializations_for_node("ingest_notes")[LAYERS.index(layer) :][:1]
    assert made.asset_key == asset_key("notes", layer)
    return {key: value.value for key, value in made.metadata.items()}


def test_a_run_materializes_four_layers_with_numbers_and_passes_its_checks(place: Place) -> None:
    place.record("a.md", "b.md")
    result = place.run("000000")
    assert result.success
    assert numbers(result, "vectors")["run_indexed"] == 2
    assert numbers(result, "embeddings")["run_embedded"] == numbers(result, "vectors")["run_points_written"] == 2
    checks = result.get_asset_check_evaluations()
    assert {check.check_name for check in checks if check.passed} == {
        "rows_of_every_document", "nothing_quarantined", "chunks_equal_catalog", "dimension_and_norm",
        "index_equals_parquet",
    }  # fmt: skip


def test_a_backfill_of_an_unchanged_block_embeds_and_writes_nothing(place: Place) -> None:
    place.record("a.md", "b.md")
    assert place.run("000000").success
    again = place.run("000000")
    assert again.success
    assert numbers(again, "embeddings")["run_embedded"] == 0
    assert numbers(again, "vectors")["run_points_written"] == 0
    assert numbers(again, "vectors")["run_unchanged"] == 2


def test_a_run_whose_claim_has_moved_on_ends_without_doing_anything(place: Place) -> None:
    place.record("a.md")
    (old,) = place.catalog.claims.request("notes", limit=1, launch_grace_s=0.0)
    (new,) = place.catalog.claims.request("notes", limit=1, launch_grace_s=60.0)
    late = place.run("000000", tags={CLAIM_TAG: str(old.number)})
    assert late.success
    assert late.asset_materializations_for_node("ingest_notes") == []
    current = place.run("000000", tags={CLAIM_TAG: str(new.number)})
    assert numbers(current, "vectors")["run_indexed"] == 1


def test_a_broken_document_warns_and_fails_no_run(place: Place) -> None:
    (place.inbox / "b.md").write_bytes(bytes(range(256)) * 40)
    place.record("a.md", "b.md")
    result = place.run("000000")
    assert result.success
    (check,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "nothing_quarantined"]
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN


def test_checks_alone_look_at_every_block_and_see_points_deleted_behind_our_back(
    place: Place, edge: EdgeServer
) -> None:
    place.record("a.md", "b.md")
    assert place.run("000000").success
    with closing(edge.client()) as client:
        points, _ = client.scroll("notes", limit=10)
        client.delete("notes", [points[0].id])
    definitions = place.definitions
    alone = dg.define_asset_job("alone", selection=dg.AssetSelection.all_asset_checks())
    job = dg.Definitions.merge(definitions, dg.Definitions(jobs=[alone])).resolve_job_def("alone")
    result = job.execute_in_process(instance=place.instance)
    (check,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "index_equals_parquet"]
    assert not check.passed
    assert place.run("000000").success
    healed = job.execute_in_process(instance=place.instance)
    assert all(one.passed for one in healed.get_asset_check_evaluations())


def test_assets_downstream_load_a_block_as_a_table(place: Place) -> None:
    place.record("a.md", "b.md")
    assert place.run("000000").success
    blocks = dg.DynamicPartitionsDefinition(name="notes_blocks")
    seen: list[pa.Table] = []

    @dg.asset(partitions_def=blocks, ins={"chunks": dg.AssetIn(key=asset_key("notes", "chunks"))})
    def lengths(chunks: pa.Table) -> None:
        seen.append(chunks)

    merged = dg.Definitions.merge(place.definitions, dg.Definitions(assets=[lengths]))
    job = dg.define_asset_job("measure", selection=dg.AssetSelection.assets("lengths"))
    resolved = dg.Definitions.merge(merged, dg.Definitions(jobs=[job])).resolve_job_def("measure")
    assert resolved.execute_in_process(partition_key="000000", instance=place.instance).success
    assert sorted(seen[0].column("text").to_pylist())[0].startswith("Backups")


def test_housekeeping_retires_a_block_whose_documents_have_moved_on(place: Place) -> None:
    place.record("a.md", "b.md")
    assert place.run("000000").success
    for key in ROLLS:
        (place.inbox / key).write_text("# New\n\nSomething else entirely stands here.\n")
    place.record("a.md", "b.md", announced="2")
    assert place.run("000001").success
    keeping = place.definitions.resolve_job_def("housekeep_notes_job")
    waiting = place.instance.create_run_for_job(
        place.definitions.resolve_job_def(JOB), tags={"dagster/partition": "000000"}
    )
    assert keeping.execute_in_process(instance=place.instance).success
    kept = ["000000", "000001"]
    assert place.instance.get_dynamic_partitions("notes_blocks") == kept, "a run that waits needs its key"
    place.instance.report_run_canceled(waiting)
    assert keeping.execute_in_process(instance=place.instance).success
    assert place.instance.get_dynamic_partitions("notes_blocks") == ["000001"]


def test_an_outage_is_waited_out_by_the_retry_policy_and_spends_no_attempt(place: Place, edge: EdgeServer) -> None:
    place.record("a.md")
    edge.kill9()
    back = threading.Timer(2.0, edge.restart)
    back.start()
    try:
        result = place.run("000000")
    finally:
        back.join()
    assert result.success
    assert any(event.is_step_up_for_retry for event in result.all_events)
    (row,) = place.catalog.queries.documents("notes", limit=10).documents
    assert (row.state, row.attempts) == ("indexed", 0)
