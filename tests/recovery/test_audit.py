"""An audit sees in types what differs between source, catalog, Parquet and index; a repair makes it clean again."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from qdrant_client import models

from rag_core.identity import document_id
from rag_core.index_spec import DENSE, SPARSE, Payload
from rag_core.vector_index import IndexWrite
from recovery.auditing import audit_collection
from recovery.opened import Opened
from recovery.repairing import Repair
from recovery.told import NEXT_STEPS, CollectionAudit
from resources.clients.collection_files import LoadedCollection
from resources.clients.qdrant.writing import QdrantWriter
from resources.ingestion.checking.findings import Finding, Kind
from tests.pipeline.corpus import SUFFIX, Corpus, Killed, assert_same_points, paragraphs
from tests.pipeline.test_checks_parquet import rewrite, with_vectors


def loaded(corpus: Corpus) -> LoadedCollection:
    return LoadedCollection(collection=corpus.collection, path=corpus.root / "one.yaml")


def audited(corpus: Corpus, tools: Opened) -> CollectionAudit:
    return audit_collection(loaded(corpus), tools)


def kinds(audit: CollectionAudit) -> dict[Kind, int]:
    return {difference.kind: difference.things for difference in audit.differences}


def repaired(corpus: Corpus, tools: Opened) -> Repair:
    repair = Repair(loaded(corpus), tools)
    audit_collection(loaded(corpus), tools, found=repair.found)
    repair.sweep()
    return repair


def points_of(corpus: Corpus, key: str) -> list[str]:
    mine = str(document_id(corpus.name, corpus.store.uri(key)))
    return sorted(point for point, (payload, _, _) in corpus.points().items() if payload[Payload.DOCUMENT_ID] == mine)


def stray(corpus: Corpus, payload: dict[str, Any]) -> None:
    vector = {DENSE: corpus.embedder.embed_query("stray").tolist()}
    corpus.client.upsert(corpus.name, [models.PointStruct(id=str(uuid4()), vector=vector, payload=payload)], wait=True)


def turned(corpus: Corpus, key: str) -> None:
    """Give a document's first point another dense vector, and its second (if any) other terms."""
    vector = corpus.embedder.embed_query("something else entirely").tolist()
    first, *others = points_of(corpus, key)
    changed: list[Any] = [models.PointVectors(id=first, vector={DENSE: vector})]
    changed += [
        models.PointVectors(id=one, vector={SPARSE: models.SparseVector(indices=[7], values=[1.0])})
        for one in others[:1]
    ]
    corpus.client.update_vectors(corpus.name, changed, wait=True)


def test_every_kind_has_its_next_step() -> None:
    assert set(NEXT_STEPS) == set(Kind)


def test_what_was_ingested_edited_and_deleted_is_clean(filled: Corpus, tools: Opened) -> None:
    audit = audited(filled, tools)
    assert audit.is_clean, audit
    assert (audit.documents, audit.vectors, audit.objects) == (3, 5, 4)


def test_an_index_that_somebody_changed_is_seen_point_by_point_and_mended(filled: Corpus, tools: Opened) -> None:
    before = filled.points()
    [first, second] = points_of(filled, "a.md")
    [rights] = points_of(filled, "b.md")
    filled.client.delete(filled.name, [first], wait=True)
    filled.client.set_payload(filled.name, {Payload.TEXT: "Forged."}, [second], wait=True)
    filled.client.set_payload(filled.name, {Payload.ALLOWED_GROUPS: ["*"], Payload.TITLE: "x"}, [rights], wait=True)
    turned(filled, "c.md")
    stray(filled, {Payload.DOCUMENT_ID: str(document_id(filled.name, filled.store.uri("a.md")))})
    stray(filled, {Payload.DOCUMENT_ID: str(document_id(filled.name, filled.store.uri("d.md")))})
    stray(filled, {Payload.DOCUMENT_ID: str(uuid4())})
    stray(filled, {})
    seen = kinds(audited(filled, tools))
    assert seen == {
        Kind.POINT_MISSING: 1,
        Kind.POINT_SURPLUS: 1,
        Kind.POINT_STRANGE: 2,
        Kind.POINT_NAMELESS: 1,
        Kind.WRONG_TEXT: 1,
        Kind.WRONG_RIGHTS: 1,
        Kind.WRONG_PAYLOAD: 1,
        Kind.WRONG_VECTOR: 2,
    }
    repair = repaired(filled, tools)
    assert repair.done.points_distrusted == 4
    assert repair.done.due_again == 4
    filled.run()
    assert audited(filled, tools).is_clean
    assert_same_points(filled.points(), before)


def test_parquet_that_is_gone_or_makes_no_sense_is_made_again(filled: Corpus, tools: Opened) -> None:
    before = filled.points()
    by_asset: dict[str, list[str]] = {}
    for part in filled.catalog.parts.of_block(filled.name, 0):
        by_asset.setdefault(part.asset, []).append(part.file)
    filled.parts.delete(by_asset["documents"][0])
    broken = Path(tools.settings.parquet) / by_asset["chunks"][0]
    broken.write_bytes(broken.read_bytes()[:100])
    seen = kinds(audited(filled, tools))
    assert (seen[Kind.FILE_MISSING], seen[Kind.FILE_UNREADABLE]) == (1, 1)
    assert {Kind.ROW_MISSING, Kind.CHUNKS_MISCOUNTED} <= set(seen)
    repaired(filled, tools)
    filled.run()
    assert audited(filled, tools).is_clean
    assert_same_points(filled.points(), before)


def test_unsound_vectors_are_embedded_again(corpus: Corpus, tools: Opened) -> None:
    def spoil(vectors: list[list[float]]) -> None:
        vectors[:] = [[2 * value for value in vector] for vector in vectors]

    corpus.write("a.md", paragraphs("apple", "pear"))
    corpus.write("b.md", paragraphs("plum"))
    corpus.ingest()
    rewrite(corpus, "embeddings", lambda table: with_vectors(table, spoil))
    assert kinds(audited(corpus, tools)) == {Kind.VECTOR_UNSOUND: 3}
    repaired(corpus, tools)
    assert sum(report.counts.embedded for report in corpus.run()) == 3
    assert audited(corpus, tools).is_clean


def test_a_lost_index_is_one_difference_and_is_filled_again(filled: Corpus, tools: Opened) -> None:
    before = filled.points()
    filled.client.delete_collection(filled.writer.spec_of(filled.name)[0])  # type: ignore[index]
    assert kinds(audited(filled, tools)) == {Kind.INDEX_MISSING: 1}
    repaired(filled, tools)
    embedded = sum(report.counts.embedded for report in filled.run())
    assert embedded == 0
    assert audited(filled, tools).is_clean
    assert_same_points(filled.points(), before)


def test_objects_not_recorded_and_objects_gone_are_swept(filled: Corpus, tools: Opened) -> None:
    filled.write("e.md", paragraphs("elder"))
    filled.write(f"b.md{SUFFIX}", "team: growers\nallowed_groups: [red]")
    (filled.folder / "a.md").unlink()
    audit = audited(filled, tools)
    assert kinds(audit) == {Kind.SOURCE_UNRECORDED: 2, Kind.SOURCE_GONE: 1}
    assert repaired(filled, tools).done.swept == 3
    filled.run()
    assert audited(filled, tools).is_clean
    assert filled.texts("a.md") == []


def test_a_root_that_is_missing_is_no_empty_source(filled: Corpus, tools: Opened) -> None:
    filled.folder.rename(filled.root / "elsewhere")
    audit = audited(filled, tools)
    assert not audit.is_clean
    assert not audit.differences
    assert "folder" in audit.not_looked_at[0]


def test_an_outcome_that_the_catalog_lost_is_looked_at_again(filled: Corpus, tools: Opened) -> None:
    with filled.catalog._database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM document_indexes WHERE title = '' OR true")
    seen = kinds(audited(filled, tools))
    assert seen[Kind.OUTCOME_MISSING] == 3
    repaired(filled, tools)
    filled.run()
    assert audited(filled, tools).is_clean


@pytest.mark.parametrize("step", ["apply", "look_again"])
def test_a_repair_that_is_killed_is_ended_by_the_next(
    filled: Corpus, tools: Opened, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = filled.points()
    [first, second] = points_of(filled, "a.md")
    filled.client.set_payload(filled.name, {Payload.TEXT: "Forged."}, [first, second], wait=True)

    with monkeypatch.context() as patched:
        if step == "apply":
            real = QdrantWriter.apply
            calls: list[UUID] = []

            def apply(self: QdrantWriter, physical: str, write: IndexWrite) -> None:
                calls.extend(write.places)
                if len(calls) == 2:
                    raise Killed
                real(self, physical, write)

            patched.setattr(QdrantWriter, "apply", apply)
        else:

            def killed(*_: Any, **__: Any) -> int:
                raise Killed

            patched.setattr(type(tools.catalog.indexes), "look_again", killed)
        with pytest.raises(Killed):
            repaired(filled, tools)
    assert filled.run() == []
    repaired(filled, tools)
    filled.run()
    assert audited(filled, tools).is_clean
    assert_same_points(filled.points(), before)


def test_a_repair_beside_a_run_waits_for_its_turn(filled: Corpus, tools: Opened) -> None:
    before = filled.points()
    [first, _] = points_of(filled, "a.md")
    found = Finding(
        kind=Kind.WRONG_TEXT,
        what="a.md",
        document_id=document_id(filled.name, filled.store.uri("a.md")),
        points=(first,),
    )
    repair = Repair(loaded(filled), tools)

    def at_step(step: str) -> None:
        if step == "compared":  # the run has looked at the index: what is forged and found now, it does not see
            filled.at_step = lambda _: None
            filled.client.set_payload(filled.name, {Payload.TEXT: "Forged."}, [first], wait=True)
            repair.found([found])

    filled.at_step = at_step
    filled.write("a.md", paragraphs("apple", "pear") + "\n")
    filled.ingest()
    filled.run()
    filled.write("a.md", paragraphs("apple", "pear"))
    filled.ingest()
    assert audited(filled, tools).is_clean
    assert set(filled.points()) == set(before)
