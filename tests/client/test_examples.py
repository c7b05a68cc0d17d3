"""The OpenAPI document is valid and its examples are true: requests are answered as described, responses fit."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest
import yaml
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from query_api.app import create_app
from query_api.connections import Connections
from query_api.shapes.ids import (
    EXAMPLE_ANSWER,
    EXAMPLE_ARRIVAL,
    EXAMPLE_DOCUMENT,
    EXAMPLE_JOB,
    EXAMPLE_PROJECT,
    EXAMPLE_SESSION,
    EXAMPLE_URI,
)
from query_api.shapes.jobs import JobShape
from rag_core.arrivals import Observation, Presence
from rag_core.errors import DocumentRejected, QuarantineKind
from rag_core.queued_answers import NewAnswer
from resources.clients.catalog import Catalog, open_catalog
from resources.clients.catalog.uploads import Upload
from resources.clients.catalog.values import Claim, PartitionLimits, WriteRequest
from tests.query_api.conftest import COLLECTION, EMBEDDER, World, _seen
from tests.retrieval.small_index import Doc
from tests.services.postgres import PostgresServer

pytestmark = pytest.mark.xdist_group("client")  # one service for all of them

LIMITS = PartitionLimits(size=512, bytes=2**28)
OWNER = "local"
METHODS = ("get", "post", "patch", "delete")
PDF = b"%PDF-1.4\n"


@pytest.fixture(scope="module")
def api(world: World, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An API in which what the examples name is there."""
    home = tmp_path_factory.mktemp("examples")
    url = postgres.create_database(template=world.database_url)
    for folder in ("collections", "inbox"):
        (home / folder).mkdir()
    source = {"name": "inbox", "url": str(home / "inbox"), "create": True}
    declared = {"name": COLLECTION, "sources": [source], "uploads": {"source": "inbox"}}
    (home / "collections" / f"{COLLECTION}.yaml").write_text(yaml.safe_dump(declared))
    settings = world.settings(home, database_url=url).model_copy(update={"collections": home / "collections"})
    app = create_app(settings, connections=Connections(settings, open_model=lambda _: EMBEDDER))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        with open_catalog(url) as catalog:
            _record_what_the_examples_name(catalog)
        yield client


@pytest.fixture(scope="module")
def document(api: TestClient) -> dict[str, Any]:
    return api.get("/openapi.json").json()


def test_the_document_is_valid_and_says_so_in_its_version(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1")


def test_every_example_request_is_answered_as_described(api: TestClient, document: dict[str, Any]) -> None:
    sent = 0
    for method, path, operation in _operations(document):
        for request in _examples_of(document, path, operation):
            answer = api.request(method, **request)
            assert answer.is_success, f"{method} {request}: {answer.status_code} {answer.text}"
            described = operation["responses"][str(answer.status_code)].get("content", {})
            kind = answer.headers.get("content-type", "").partition(";")[0]
            assert kind in described or not described, f"{method} {path} brought {kind!r}"
            if kind == "application/json":
                _fits(document, described[kind]["schema"], answer.json(), f"{method} {path}")
            sent += 1
    assert sent > len(list(_operations(document)))


def test_whatever_a_request_needs_has_an_example(document: dict[str, Any]) -> None:
    for method, path, operation in _operations(document):
        assert _examples_of(document, path, operation), f"{method} {path}"


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    """Those of schemas, of their properties and of responses."""
    checked = 0
    for place, node in _nodes(document, ""):
        schema = node.get("schema", node)
        examples = [*node.get("examples", ()), *([node["example"]] if "example" in node and "schema" in node else ())]
        for example in examples:
            _fits(document, schema, example, place)
            checked += 1
    assert checked > 20


def test_the_comparison_sees_an_example_that_does_not_fit(document: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="job_id"):
        _fits(document, JobShape.model_json_schema(), {"status": "Pending"}, "a job")


def _record_what_the_examples_name(catalog: Catalog) -> None:
    """Record the uploaded document as arrival 17, quarantined; a project, a session, and a question for later."""
    newest = max(each.newest_arrival for each in catalog.queries.documents(COLLECTION, limit=500).documents)
    fillers = [Doc(uri=f"file:///h/filler-{number}.md", texts=[]) for number in range(newest + 1, EXAMPLE_ARRIVAL)]
    catalog.recording.record(COLLECTION, "samples", [_seen(doc, "v1|t|") for doc in fillers], limits=LIMITS)
    key = "uploads/local/report.pdf"
    seen = Observation(key=key, uri=EXAMPLE_URI, presence=Presence.PRESENT, announced="v1|t|", size_bytes=48_213)
    upload = Upload(uploader=OWNER, name="report.pdf", sha256="0" * 64, media_type="application/pdf", size_bytes=48_213)
    with catalog.uploads.turn(COLLECTION, "inbox", key) as turn:
        assert turn.record(seen, upload, limits=LIMITS) == UUID(EXAMPLE_JOB)
    claim = catalog.claims.take(COLLECTION, 0, run_id="run-2", lease_s=600)
    assert isinstance(claim, Claim)
    catalog.due.begin(claim, [EXAMPLE_ARRIVAL])
    rejected = DocumentRejected(QuarantineKind.PASSWORD_REQUIRED, "The PDF is encrypted.", remedy="Add its password.")
    write = WriteRequest(arrival=EXAMPLE_ARRIVAL, document_id=UUID(EXAMPLE_DOCUMENT))
    with catalog.writing.documents(claim, "handbook--x", [write]) as writing:
        writing.quarantined(write.document_id, rejected, tried_spec="s", removed=False)
    catalog.claims.release(claim)
    catalog.projects.create(OWNER, UUID(EXAMPLE_PROJECT), title="Moving to the new office")
    catalog.sessions.create(
        OWNER, UUID(EXAMPLE_SESSION), collections=[COLLECTION], title="Backups", project_id=UUID(EXAMPLE_PROJECT)
    )
    question = NewAnswer(
        answer_id=UUID(EXAMPLE_ANSWER),
        owner="",
        collection=COLLECTION,
        request={"collection": COLLECTION, "question": "How long are backups kept?"},
        request_sha256=b"0" * 32,
    )
    catalog.answers.add(question, max_waiting=1000)


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Give the operations, those that delete last, and what lies in something before that."""
    for method in METHODS:
        for path, methods in sorted(document["paths"].items(), reverse=True):
            if method in methods:
                yield method, path, methods[method]
    assert {method for methods in document["paths"].values() for method in methods} <= set(METHODS)


def _examples_of(document: Mapping[str, Any], path: str, operation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the requests that an operation's examples make; none where something needed has no example."""
    needed = [each for each in operation.get("parameters", []) if each["required"]]
    values = {each["name"]: each["schema"].get("examples", [])[:1] for each in needed}
    if not all(values.values()):
        return []
    in_path = {each["name"] for each in needed if each["in"] == "path"}
    url = path
    for name in in_path:
        url = url.replace(f"{{{name}}}", values[name][0])
    query = {name: value[0] for name, value in values.items() if name not in in_path}
    content = operation.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        form = dict(content["multipart/form-data"]["example"])
        files = [("file", (name, PDF)) for name in form.pop("file")]
        return [{"url": url, "params": query, "data": form, "files": files}]
    if "application/json" in content:
        bodies = _resolved(document, content["application/json"]["schema"]).get("examples", [])
        return [{"url": url, "params": query, "json": body} for body in bodies]
    return [{"url": url, "params": query}]


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    return document["components"]["schemas"][name] if name else schema


def _fits(document: Mapping[str, Any], schema: Mapping[str, Any], value: Any, place: str) -> None:
    whole = {**schema, "components": document["components"]}
    checker = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
    wrong = [f"{'.'.join(map(str, error.path))}: {error.message}" for error in checker.iter_errors(value)]
    assert not wrong, f"{place}: {wrong[:3]}"


def _nodes(node: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give every object of the document but those within examples."""
    if isinstance(node, Mapping):
        yield place, node
        children = ((name, each) for name, each in node.items() if name not in {"examples", "example"})
    elif isinstance(node, list):
        children = zip(itertools.count(), node, strict=False)
    else:
        return
    for name, each in children:
        yield from _nodes(each, f"{place}/{name}")
