"""Checks see what is broken behind our back, say so with an example, and hold where all is well."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest
from qdrant_client import models

from rag_core.arrivals import ArrivalState
from rag_core.identity import document_id
from rag_core.index_spec import DENSE, Payload
from resources.clients.qdrant.inspecting import QdrantInspector
from resources.ingestion.checking.blocks import check_blocks
from resources.ingestion.checking.promises import CHECKS, POINTS_EQUAL, CheckOutcome
from tests.pipeline.corpus import SUFFIX, Corpus, paragraphs


def checked(corpus: Corpus, partition: int | None = 0, *, touched_by: str | None = None) -> Mapping[str, CheckOutcome]:
    outcomes = check_blocks(
        corpus.collection,
        partition,
        frozenset(check.name for check in CHECKS),
        catalog=corpus.catalog,
        parts=corpus.parts,
        writer=corpus.writer,
        inspector=QdrantInspector(corpus.client, page_points=3),
        touched_by=touched_by,
    )
    return {outcome.check.name: outcome for outcome in outcomes}


def points(corpus: Corpus, partition: int | None = 0, *, touched_by: str | None = None) -> CheckOutcome:
    return checked(corpus, partition, touched_by=touched_by)[POINTS_EQUAL.name]


def owner(corpus: Corpus, key: str) -> UUID:
    return document_id(corpus.name, corpus.store.uri(key))


def ids(corpus: Corpus, key: str) -> list[str]:
    mine = str(owner(corpus, key))
    return sorted(point for point, (payload, _, _) in corpus.points().items() if payload[Payload.DOCUMENT_ID] == mine)


def put(corpus: Corpus, document: UUID, **payload: Any) -> str:
    point = str(uuid4())
    vector = corpus.embedder.embed_query("stray").tolist()
    held = models.PointStruct(id=point, vector={DENSE: vector}, payload={Payload.DOCUMENT_ID: str(document), **payload})
    corpus.client.upsert(corpus.name, [held], wait=True)
    return point


@pytest.fixture
def filled(corpus: Corpus) -> Corpus:
    corpus.write("a.md", paragraphs("apple", "pear"))
    corpus.write("b.md", paragraphs("plum"))
    corpus.write(f"b.md{SUFFIX}", "team: growers\nratio: 0.5\nallowed_groups: [red, blue]")
    corpus.ingest(run_id="first")
    return corpus


def test_all_hold_after_ingest_edits_touches_and_deletions(filled: Corpus) -> None:
    filled.write("c.md", paragraphs("fig"))
    filled.ingest()
    filled.write("a.md", paragraphs("apple", "cherry"))
    filled.write("b.md", paragraphs("plum"))
    filled.write(f"b.md{SUFFIX}", "team: movers\nallowed_groups: [red]")
    (filled.folder / "c.md").unlink()
    filled.ingest(run_id="last")
    for partition, touched_by in ((0, None), (None, None), (0, "last")):
        outcomes = checked(filled, partition, touched_by=touched_by)
        assert [outcome.check.name for outcome in outcomes.values()] == [check.name for check in CHECKS]
        assert all(outcome.passed for outcome in outcomes.values()), outcomes
    assert outcomes[POINTS_EQUAL.name].numbers["looked_at"] == 3


def test_a_point_that_is_missing_or_too_many_is_seen(filled: Corpus) -> None:
    gone = ids(filled, "a.md")[0]
    filled.client.delete(filled.name, [gone], wait=True)
    extra = put(filled, owner(filled, "b.md"))
    outcome = points(filled)
    assert not outcome.passed
    assert outcome.numbers == {"looked_at": 2, "broken": 2}
    [first, second] = sorted(outcome.examples)
    assert first.endswith(f"a.md: 1 points missing, such as {gone}")
    assert second.endswith(f"b.md: 1 too many (such as {extra})")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({Payload.TEXT: "Forged."}, "with another text"),
        ({Payload.START: 3}, "with another place"),
        ({Payload.FIRST_PAGE: 7}, "with another place"),
        ({Payload.EMBEDDING_KEY: "0" * 64}, "with another embedding key"),
        ({Payload.TITLE: "Forged"}, "with another title ('Forged' instead of"),
        ({Payload.METADATA: {"team": "growers", "ratio": 0.6}}, "with another metadata"),
        ({Payload.URI: "file:///elsewhere"}, "with another uri"),
        ({Payload.ALLOWED_GROUPS: ["*"]}, "with another allowed_groups (['*'] instead of ['blue', 'red'])"),
        ({Payload.ALLOWED_GROUPS: ["red"]}, "with another allowed_groups"),
        ({Payload.DOCUMENT_KEY: "0" * 16}, "with another document_key"),
    ],
)
def test_a_payload_changed_behind_our_back_is_seen(filled: Corpus, changed: dict[str, Any], said: str) -> None:
    filled.client.set_payload(filled.name, changed, [ids(filled, "b.md")[0]], wait=True)
    outcome = points(filled)
    assert outcome.numbers["broken"] == 1
    assert "b.md: 1 " in outcome.examples[0]
    assert said in outcome.examples[0]
    assert "recompute: [vectors]" in outcome.summary
    filled.reconcile(recompute=frozenset({"vectors"}))
    assert points(filled).passed


def test_rights_opened_by_hand_are_put_right_by_any_look_at_the_document(filled: Corpus) -> None:
    filled.client.set_payload(filled.name, {Payload.ALLOWED_GROUPS: ["*"]}, ids(filled, "b.md"), wait=True)
    assert not points(filled).passed
    filled.reconcile()
    assert points(filled).passed


def test_points_of_a_deleted_document_are_seen_in_its_block_and_everywhere(filled: Corpus) -> None:
    (filled.folder / "a.md").unlink()
    filled.ingest(run_id="deleting")
    put(filled, owner(filled, "a.md"))
    for outcome in (points(filled), points(filled, None), points(filled, touched_by="deleting")):
        assert outcome.numbers["broken"] == 1
        assert outcome.examples[0].endswith("a.md: 1 points, but it is deleted")


def test_points_of_a_document_that_was_removed_with_its_quarantine_are_seen(filled: Corpus) -> None:
    filled.changed = {"on_quarantine": "remove"}
    filled.write("a.md", "")
    filled.ingest()
    assert filled.document("a.md").state is ArrivalState.QUARANTINED
    put(filled, owner(filled, "a.md"))
    for outcome in (points(filled), points(filled, None)):
        assert outcome.examples[0].endswith("a.md: 1 points, but it is quarantined")


def test_points_of_documents_that_nobody_knows_are_seen_where_everything_is_checked(filled: Corpus) -> None:
    stranger = uuid4()
    for _ in range(4):
        put(filled, stranger)
    nameless = str(uuid4())
    vector = {DENSE: filled.embedder.embed_query("x").tolist()}
    filled.client.upsert(filled.name, [models.PointStruct(id=nameless, vector=vector, payload={})], wait=True)
    assert points(filled).passed
    outcome = points(filled, None)
    assert sorted(outcome.examples) == sorted(
        [f"{stranger}: 4 points, but the catalog does not know it", f"point {nameless} names no document"]
    )


def test_a_lost_index_breaks_every_document(filled: Corpus) -> None:
    active = filled.writer.spec_of(filled.name)
    assert active is not None
    filled.client.delete_collection(active[0])
    outcome = points(filled, None)
    assert outcome.numbers == {"looked_at": 2, "broken": 2}


def test_rights_of_a_quarantined_version_may_be_narrower_but_never_wider(filled: Corpus) -> None:
    filled.write("b.md", "")
    filled.write(f"b.md{SUFFIX}", "team: growers\nallowed_groups: [blue, green]")
    filled.ingest()
    assert filled.document("b.md").stale is not None
    groups = {tuple(payload[Payload.ALLOWED_GROUPS]) for payload, _, _ in filled.points().values()}
    assert ("blue",) in groups
    assert points(filled).passed
    filled.client.set_payload(filled.name, {Payload.ALLOWED_GROUPS: ["blue", "green"]}, ids(filled, "b.md"), wait=True)
    outcome = points(filled)
    assert outcome.numbers["broken"] == 1
    assert "['blue', 'green'] instead of ['blue', 'red']" in outcome.examples[0]


def test_a_sensor_s_run_looks_at_what_it_touched_and_a_backfill_at_the_whole_block(filled: Corpus) -> None:
    filled.client.delete(filled.name, ids(filled, "b.md"), wait=True)
    filled.write("a.md", paragraphs("apple", "cherry"))
    filled.ingest(run_id="second")
    assert points(filled, touched_by="second").numbers == {"looked_at": 1, "broken": 0}
    assert points(filled).numbers == {"looked_at": 2, "broken": 1}
    filled.client.delete(filled.name, ids(filled, "a.md"), wait=True)
    assert points(filled, touched_by="second").numbers == {"looked_at": 1, "broken": 1}


def test_quarantined_documents_are_named_until_a_good_version_comes(filled: Corpus) -> None:
    filled.write("a.md", "")
    filled.ingest()
    outcome = checked(filled)["nothing_quarantined"]
    assert not outcome.passed
    assert outcome.check.only_warns
    assert "a.md: no-text" in outcome.examples[0]
    filled.write("a.md", paragraphs("apple"))
    filled.ingest()
    assert checked(filled)["nothing_quarantined"].passed


def test_a_document_that_is_being_written_is_left_out(filled: Corpus) -> None:
    seen: list[CheckOutcome] = []

    def look(step: str) -> None:
        if step == "written":
            seen.append(points(filled))

    filled.at_step = look
    filled.write("a.md", paragraphs("apple", "cherry"))
    filled.ingest()
    assert [(outcome.passed, outcome.numbers["looked_at"]) for outcome in seen] == [(True, 1)]
