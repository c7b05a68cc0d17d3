"""Spans as a receiver gets them: one trace from an upload to the searchable document, and of a question its stages."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from rag_core.traces import NO_TRACES, valid_traceparent
from resources.clients.catalog import open_catalog
from resources.clients.parsing import ParserSandbox
from resources.clients.qdrant.connect import connect
from resources.clients.settings import Settings
from resources.clients.tracing import open_traces
from tests.observing.test_logs import PARENT, ROOT, TRACE, serving
from tests.pipeline.corpus import Corpus, paragraphs
from tests.qdrant.server import EdgeServer
from tests.query_api.conftest import COLLECTION, World
from tests.services.chat_server import ChatServer
from tests.services.loopback import free_port, wait_until
from tests.services.otlp import OtlpReceiver
from tests.services.postgres import PostgresServer

STEPS = ("recorded", "claimed", "parsed", "chunked", "embedded", "written")
TEXT = "The night watch counts the boats in the harbour at half past four."


@pytest.fixture
def corpus(postgres: PostgresServer, tmp_path: Path) -> Iterator[Corpus]:
    url = postgres.create_database()
    with EdgeServer() as edge, open_catalog(url) as catalog, ParserSandbox() as parser:
        client = connect(edge.url)
        yield Corpus(root=tmp_path, catalog=catalog, client=client, parser=parser)
        client.close()
    postgres.drop_database(url)


def traces_to(url: str, home: Path) -> Settings:
    return Settings(home=home, otlp_endpoint=url)


def test_an_upload_is_one_trace_through_the_api_and_the_run(
    postgres: PostgresServer, receiver: OtlpReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.create_database()
    collections = tmp_path / "collections"
    collections.mkdir()
    (collections / "harbour.yaml").write_text(
        f"name: harbour\nsources:\n  - {{name: inbox, url: '{(tmp_path / 'inbox').as_uri()}', create: true}}\n"
        "uploads: {source: inbox}\n"
    )
    with EdgeServer() as edge:
        world = World(database_url=url, qdrant_url=edge.url)
        told = {"COLLECTIONS": str(collections), "OTLP_ENDPOINT": receiver.url}
        with serving(world, tmp_path, **told) as (api, _):
            file = {"file": ("watch.md", TEXT.encode())}
            answer = httpx.post(f"{api}/upload", files=file, headers={"traceparent": PARENT}, timeout=60)
            assert answer.status_code == 202, answer.text
            for name, value in {**told, "HOME": str(tmp_path), "DATABASE_URL": url, "QDRANT_URL": edge.url}.items():
                monkeypatch.setenv(f"RAG_{name}", value)
            run = subprocess.run(
                [sys.executable, "-m", "tests.observing.one_run", "harbour", "000000"],
                cwd=ROOT, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert run.returncode == 0, run.stderr[-3000:]
            asked = {"collection": "harbour", "query": "Who counts the boats?"}
            found = httpx.post(f"{api}/v1/search", json=asked, headers={"traceparent": PARENT}, timeout=60).json()
            assert found["results"], "the document is searchable"
    request = receiver.named("POST /upload")[0]
    assert (request.service, request.trace_id, request.parent_id) == ("rag-query-api", TRACE, PARENT.split("-")[2])
    steps = receiver.named(*STEPS)
    assert {span.name for span in steps} == set(STEPS)
    assert {span.trace_id for span in steps} == {TRACE}, "one trace"
    assert {span.parent_id for span in steps} == {request.span_id}
    assert {span.service for span in steps} == {"rag-ingestion"}
    (run_span,) = receiver.named("run")
    assert (run_span.trace_id, run_span.parent_id) == (TRACE, request.span_id)
    for span in steps:
        assert span.attributes["rag.collection"] == "harbour"
        assert span.attributes["rag.arrival"] == 0
        assert span.attributes["rag.run_id"] == run_span.attributes["rag.run_id"]
        assert not span.failed
    assert {span.trace_id for span in receiver.spans} == {TRACE}
    ends = {span.name: span.end_ns for span in steps}
    assert ends["recorded"] <= ends["claimed"] <= ends["parsed"] <= ends["chunked"] <= ends["embedded"]
    assert ends["embedded"] <= ends["written"]
    everything = b"".join(receiver.bodies)
    assert b"harbour at half" not in everything
    assert b"boats" not in everything
    assert b"watch.md" not in everything


def test_a_question_has_its_stages_below_its_request(traced: TestClient, receiver: OtlpReceiver) -> None:
    question = {"collection": COLLECTION, "question": "How long are backups kept?"}
    answer = traced.post("/v1/ask", json=question, headers={"traceparent": PARENT})
    assert answer.json()["generation"]["mode"] == "model"
    wait_until(lambda: bool(receiver.named("POST /v1/ask")), what="the request's span")
    (request,) = receiver.named("POST /v1/ask")
    assert (request.trace_id, request.attributes["http.response.status_code"]) == (TRACE, 200)
    assert request.attributes["http.route"] == "/v1/ask"
    stages = receiver.named("encode", "search", "read", "fuse", "queue", "generate")
    assert [span.name for span in stages] == ["encode", "search", "read", "fuse", "queue", "generate"]
    assert {(span.trace_id, span.parent_id) for span in stages} == {(TRACE, request.span_id)}
    everything = b"".join(receiver.bodies)
    assert b"backups" not in everything
    assert b"thirty" not in everything


def test_a_request_without_a_trace_begins_one_and_a_failed_one_says_so_without_words(
    traced: TestClient, receiver: OtlpReceiver, model: ChatServer
) -> None:
    model.script.status = 500
    question = {"collection": COLLECTION, "question": "How long are backups kept?", "generation": "model"}
    assert traced.post("/v1/ask", json=question).status_code == 503
    wait_until(lambda: bool(receiver.named("POST /v1/ask")), what="the request's span")
    (request,) = receiver.named("POST /v1/ask")
    assert request.failed
    assert request.parent_id == ""
    (generate,) = receiver.named("generate")
    assert (generate.failed, generate.events, generate.trace_id) == (True, 0, request.trace_id)


def test_a_trace_that_is_not_sampled_keeps_no_spans(traced: TestClient, receiver: OtlpReceiver) -> None:
    traced.post(
        "/v1/search", json={"collection": COLLECTION, "query": "x"}, headers={"traceparent": f"{PARENT[:-2]}00"}
    )
    traced.post("/v1/search", json={"collection": COLLECTION, "query": "x"}, headers={"traceparent": PARENT})
    wait_until(lambda: bool(receiver.named("POST /v1/search")), what="the second request's span")
    assert len(receiver.named("POST /v1/search")) == 1


def test_documents_of_one_run_stay_in_their_own_traces(corpus: Corpus, receiver: OtlpReceiver, tmp_path: Path) -> None:
    parents = [f"00-{number:032x}-{number:016x}-01" for number in (1, 2)]
    for key, parent in zip(("a.md", "b.md", "c.md"), [*parents, ""], strict=True):
        _record(corpus, key, parent)
    traces = open_traces(traces_to(receiver.url, tmp_path), service="runs")
    corpus.run(traces=traces)
    traces.close()
    for number in (1, 2):
        mine = [span for span in receiver.spans if span.trace_id == f"{number:032x}"]
        assert sorted(span.name for span in mine) == sorted(STEPS)
        assert {span.parent_id for span in mine} == {f"{number:016x}"}
    (run,) = receiver.named("run")
    assert run.parent_id == ""
    assert sorted(run.links) == [f"{number:032x}" for number in (1, 2)]
    assert run.attributes["rag.arrivals"] == 3
    assert len(receiver.spans) == 2 * len(STEPS) + 1, "the one without a trace has no spans"


def test_work_on_what_was_searchable_already_belongs_to_no_request(
    corpus: Corpus, receiver: OtlpReceiver, tmp_path: Path
) -> None:
    _record(corpus, "a.md", PARENT)
    corpus.run()
    traces = open_traces(traces_to(receiver.url, tmp_path), service="runs")
    corpus.reconcile(traces=traces)
    traces.close()
    assert [(span.name, span.parent_id, span.links) for span in receiver.spans] == [("run", "", [])]


def test_a_receiver_that_is_away_stops_nothing(corpus: Corpus, tmp_path: Path) -> None:
    _record(corpus, "a.md", PARENT)
    traces = open_traces(traces_to(f"http://127.0.0.1:{free_port()}", tmp_path), service="runs")
    (report,) = corpus.run(traces=traces)
    traces.close()
    assert report.counts.indexed == 1


def test_without_an_endpoint_its_sdk_is_not_imported(tmp_path: Path) -> None:
    assert open_traces(Settings(home=tmp_path), service="runs") is NO_TRACES
    program = (
        "import sys, query_api.app, resources.block_work, resources.clients.tracing\n"
        "from resources.clients.settings import Settings\n"
        f"query_api.app.create_app(Settings(home={str(tmp_path)!r}, auth='off'))\n"
        "costly = ('opentelemetry.sdk', 'opentelemetry.exporter')\n"
        "assert not [name for name in sys.modules if name.startswith(costly)]\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    "text",
    ["", "00", f"01-{TRACE}-b7ad6b7169203331-01", f"00-{'0' * 32}-b7ad6b7169203331-01", f"00-{TRACE}-{'0' * 16}-01"],
)
def test_what_is_no_trace_context_is_left_out(text: str) -> None:
    assert valid_traceparent(text) == ""
    assert valid_traceparent(PARENT) == PARENT


def _record(corpus: Corpus, key: str, parent: str) -> None:
    corpus.write(key, paragraphs(key))
    corpus.record([replace(corpus.observation(key), traceparent=parent)])
