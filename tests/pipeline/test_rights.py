"""Narrowed rights and removals take effect whatever else fails."""

from typing import Any

import pytest

from rag_core.arrivals import ArrivalState
from rag_core.errors import DocumentRejected, DocumentUnavailable, QuarantineKind
from rag_core.index_spec import Payload
from resources.clients.object_store.folder import FolderStore
from resources.ingestion.chunking import Chunker
from tests.pipeline.corpus import SUFFIX, Corpus, Killed, paragraphs

MOST = {"limits": {"max_attempts": 1}}


def groups(corpus: Corpus) -> set[tuple[str, ...]]:
    return {tuple(payload[Payload.ALLOWED_GROUPS]) for payload, _, _ in corpus.points().values()}


def unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> object:
        raise DocumentUnavailable("503")

    monkeypatch.setattr(FolderStore, "download", fail)


def unchunkable(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> object:
        raise DocumentRejected(QuarantineKind.NO_TEXT, "nothing to search", remedy="none")

    monkeypatch.setattr(Chunker, "_cut", fail)


def test_a_last_good_version_written_again_is_no_wider_than_todays_rights(corpus: Corpus) -> None:
    corpus.write("a.txt", paragraphs("apple", "pear"))
    corpus.write(f"a.txt{SUFFIX}", "allowed_groups: [red, blue]")
    corpus.ingest()
    corpus.write("a.txt", paragraphs("apple", "plum"))
    corpus.sweep()

    def die(step: str) -> None:
        if step == "written":
            raise Killed

    corpus.at_step = die
    with pytest.raises(Killed):
        corpus.run(run_id="dead")
    corpus.at_step = lambda _: None
    corpus.catalog.claims.sweep_dead(lambda run: run == "dead")
    corpus.write("a.txt", "")
    corpus.write(f"a.txt{SUFFIX}", "allowed_groups: [blue, green]")
    corpus.ingest()
    assert any("pear" in text for text in corpus.texts("a.txt"))
    assert groups(corpus) == {("blue",)}


@pytest.mark.parametrize("broken", [unreadable, unchunkable])
def test_narrowed_rights_take_effect_when_a_document_fails_in_another_way(
    broken: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.changed = MOST
    corpus.write("a.txt", paragraphs("apple"))
    corpus.write(f"a.txt{SUFFIX}", "allowed_groups: [red, blue]")
    corpus.ingest()
    broken(monkeypatch)
    corpus.write("a.txt", paragraphs("pear"))
    corpus.write(f"a.txt{SUFFIX}", "allowed_groups: [blue]")
    corpus.ingest()
    assert corpus.states()[ArrivalState.QUARANTINED] == 1
    assert groups(corpus) == {("blue",)}
    assert all("apple" in text for text in corpus.texts("a.txt"))


@pytest.mark.parametrize("broken", [unreadable, unchunkable])
def test_with_remove_every_final_failure_takes_the_last_good_version_with_it(
    broken: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.changed = {"on_quarantine": "remove", **MOST}
    corpus.write("a.txt", paragraphs("apple"))
    corpus.ingest()
    broken(monkeypatch)
    corpus.write("a.txt", paragraphs("pear"))
    corpus.ingest()
    assert corpus.states()[ArrivalState.QUARANTINED] == 1
    assert corpus.points() == {}


def test_with_remove_a_document_that_kills_its_runs_is_removed_too(corpus: Corpus) -> None:
    corpus.changed = {"on_quarantine": "remove"}
    corpus.write("a.txt", paragraphs("apple"))
    corpus.ingest()
    corpus.write("a.txt", paragraphs("pear"))
    corpus.sweep()
    for attempt in range(3):
        [claim] = corpus.catalog.claims.request(corpus.name, limit=1, launch_grace_s=60)
        run_id = f"killed-{attempt}"
        started = corpus.catalog.claims.start(corpus.name, 0, claim.number, run_id=run_id, lease_s=0.01)
        assert started is not None
        [task] = corpus.catalog.due.arrivals(started, limit=9)
        corpus.catalog.due.begin(started, [task.arrival.number])
        with corpus.catalog._database.transaction() as connection:
            connection.exec_driver_sql("UPDATE claims SET lease_until = now() - interval '1 second'")
        corpus.catalog.claims.sweep_dead(lambda run: run.startswith("killed"))
    assert corpus.document("a.txt").reason.kind == QuarantineKind.CRASHED
    corpus.run()
    assert corpus.points() == {}
    assert corpus.document("a.txt").reason.kind == QuarantineKind.CRASHED
    assert not corpus.catalog.due.has_work(corpus.name)


def test_a_sidecar_taken_away_narrows_to_nobody_where_that_is_the_default(corpus: Corpus) -> None:
    corpus.changed = {"default_access": "nobody"}
    corpus.write("a.txt", paragraphs("apple"))
    corpus.write(f"a.txt{SUFFIX}", "allowed_groups: [red]")
    corpus.ingest()
    corpus.write("a.txt", "")
    (corpus.folder / f"a.txt{SUFFIX}").unlink()
    corpus.ingest()
    assert groups(corpus) == {()}
