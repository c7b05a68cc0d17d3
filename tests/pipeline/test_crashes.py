"""A run killed with -9 at any step, in a process of its own: the next run ends where a run from scratch would."""

import multiprocessing
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import QdrantClient

from rag_core.arrivals import ArrivalState
from rag_core.errors import DependencyUnavailable
from resources.clients.catalog import Catalog, open_catalog
from resources.clients.parsing import ParserSandbox
from resources.clients.qdrant.connect import connect
from resources.clients.qdrant.inspecting import QdrantInspector
from resources.ingestion.checking.blocks import check_blocks
from resources.ingestion.checking.promises import CHECKS
from tests.pipeline.corpus import Corpus, assert_same_points, paragraphs
from tests.pipeline.doomed import BEFORE_DELETING, RUN_ID, run_and_die
from tests.pipeline.edge import EdgeServer
from tests.services.loopback import wait_until
from tests.services.postgres import PostgresServer

NAME = "crashing"
STEPS = [
    "begun",
    "embedded",
    "stored",
    "named",
    "locked",
    "compared",
    BEFORE_DELETING,
    "written",
    "committed",
    "folded",
]


def first_versions(corpus: Corpus) -> None:
    corpus.write("a.md", "# Fruit\n\n" + paragraphs("apple", "pear", "plum"))
    corpus.write("b.md", paragraphs("kiwi"))


def second_versions(corpus: Corpus) -> None:
    corpus.write("a.md", "# Fruit\n\n" + paragraphs("apple", "fig"))
    (corpus.folder / "b.md").unlink(missing_ok=True)
    corpus.write("c.md", paragraphs("lime", "date"))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("crashing")


@pytest.fixture
def crashing(root: Path, catalog: Catalog, client: QdrantClient, parser: ParserSandbox) -> Iterator[Corpus]:
    yield Corpus(root=root, catalog=catalog, client=client, parser=parser, name=NAME)
    shutil.rmtree(root / "parts", ignore_errors=True)
    shutil.rmtree(root / "documents", ignore_errors=True)


@pytest.fixture(scope="module")
def from_scratch(
    root: Path, postgres: PostgresServer, migrated: str, edge: EdgeServer, parser: ParserSandbox
) -> dict[str, Any]:
    """The points after the second versions alone."""
    url = postgres.create_database(template=migrated)
    client = connect(edge.url)
    with open_catalog(url) as catalog:
        corpus = Corpus(root=root, catalog=catalog, client=client, parser=parser, name=NAME)
        second_versions(corpus)
        corpus.ingest()
        points = corpus.points()
        for collection in client.get_collections().collections:
            client.delete_collection(collection.name)
    client.close()
    postgres.drop_database(url)
    shutil.rmtree(root / "parts")
    shutil.rmtree(root / "documents")
    return points


@pytest.mark.parametrize("step", STEPS)
def test_a_run_killed_at_a_step_ends_like_one_from_scratch(
    step: str, crashing: Corpus, from_scratch: dict[str, Any], database_url: str, edge: EdgeServer, root: Path
) -> None:
    first_versions(crashing)
    crashing.ingest()
    second_versions(crashing)
    crashing.sweep()
    asked = {"step": step, "name": NAME, "root": root, "database_url": database_url, "qdrant_url": edge.url}
    # From a server without threads that has imported everything: a process of its own, but at once.
    own = multiprocessing.get_context("forkserver")
    own.set_forkserver_preload(["tests.pipeline.doomed"])
    process = own.Process(target=run_and_die, kwargs=asked)
    process.start()
    process.join(120)
    assert process.exitcode == -9
    process.close()

    def dead_run_is_swept() -> bool:
        return crashing.catalog.claims.sweep_dead(lambda run: run == RUN_ID).runs > 0

    wait_until(dead_run_is_swept, what="the dead run's lease to end")
    for _ in range(3):
        crashing.run()
    assert_same_points(crashing.points(), from_scratch)
    assert_all_is_one_thing(crashing)


def assert_all_is_one_thing(corpus: Corpus) -> None:
    assert corpus.catalog.queries.open_intents(corpus.name) == []
    assert not corpus.catalog.due.has_work(corpus.name)
    settled = {ArrivalState.INDEXED, ArrivalState.UNCHANGED, ArrivalState.DELETED, ArrivalState.SUPERSEDED}
    assert set(corpus.states()) <= settled
    names = frozenset(check.name for check in CHECKS)
    outcomes = check_blocks(
        corpus.collection,
        None,
        names,
        catalog=corpus.catalog,
        parts=corpus.parts,
        writer=corpus.writer,
        inspector=QdrantInspector(corpus.client),
    )
    assert [(one.check.name, one.summary) for one in outcomes if not one.passed] == []


def test_an_index_killed_in_the_middle_is_told_and_the_next_run_converges(
    catalog: Catalog, parser: ParserSandbox, tmp_path: Path
) -> None:
    with EdgeServer(tmp_path) as own:
        client = connect(own.url)
        corpus = Corpus(root=tmp_path, catalog=catalog, client=client, parser=parser)
        first_versions(corpus)
        corpus.ingest()
        second_versions(corpus)
        corpus.sweep()
        corpus.at_step = lambda step: own.kill9() if step == "compared" else None
        with pytest.raises(DependencyUnavailable):
            corpus.run(run_id=RUN_ID)
        assert corpus.document("c.md").attempts == 0
        own.start()
        corpus.at_step = lambda _: None
        corpus.run()
        catalog.claims.sweep_dead(lambda run: run == RUN_ID)
        corpus.run()
        assert not any("pear" in text for text in corpus.texts("a.md"))
        assert corpus.texts("c.md")
        assert corpus.texts("b.md") == []
        assert_all_is_one_thing(corpus)
        client.close()


def test_two_runs_on_one_document_end_with_the_newest_text(corpus: Corpus) -> None:
    corpus.changed = {"partition_size": 1}
    corpus.write("a.md", paragraphs("apple"))
    corpus.sweep()
    older_holds_the_lock, go_on = threading.Event(), threading.Event()

    def pause(step: str) -> None:
        if step == "compared":
            older_holds_the_lock.set()
            assert go_on.wait(30)

    corpus.at_step = pause
    older = threading.Thread(target=corpus.run)
    older.start()
    assert older_holds_the_lock.wait(30)
    corpus.at_step = lambda _: None
    corpus.write("a.md", paragraphs("pear", "plum"))
    corpus.sweep()
    newer = threading.Thread(target=corpus.run)
    newer.start()
    go_on.set()
    older.join(60)
    newer.join(60)
    corpus.run()
    assert corpus.texts("a.md")
    assert not any("apple" in text for text in corpus.texts("a.md"))
    assert corpus.document("a.md").state in {ArrivalState.INDEXED, ArrivalState.UNCHANGED}


def test_a_run_that_lost_its_database_session_records_nothing_and_the_document_is_looked_at_again(
    corpus: Corpus,
) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.sweep()

    def cut_all_other_sessions(step: str) -> None:
        if step == "written":
            with corpus.catalog._database.transaction() as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

    corpus.at_step = cut_all_other_sessions
    with pytest.raises(DependencyUnavailable):
        corpus.run(run_id=RUN_ID)
    corpus.at_step = lambda _: None
    assert corpus.states() == {ArrivalState.PENDING: 1}
    corpus.run()
    corpus.catalog.claims.sweep_dead(lambda run: run == RUN_ID)
    corpus.run()
    assert corpus.texts("a.md")
    assert_all_is_one_thing(corpus)
