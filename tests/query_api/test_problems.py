import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from query_api.app import MAX_BODY_BYTES, create_app
from query_api.connections import Connections
from tests.query_api.conftest import COLLECTION, EMBEDDER, World
from tests.services.loopback import free_port

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def is_problem(answer: Any) -> bool:
    body = answer.json()
    return (
        answer.headers["content-type"] == "application/problem+json"
        and body["status"] == answer.status_code
        and {"type", "title", "detail", "remedy"} <= body.keys()
        and bool(body["remedy"])
    )


@QUICK
@given(body=st.dictionaries(st.sampled_from(["collection", "query", "mode", "top_k", "filters", "groups"]), JSON))
def test_no_body_makes_search_fail_inside(api: TestClient, body: dict[str, Any]) -> None:
    answer = api.post("/v1/search", content=json.dumps({"collection": COLLECTION, "query": "x"} | body))
    assert answer.status_code == 200 or (answer.status_code == 422 and is_problem(answer))


@QUICK
@given(
    content=st.binary(max_size=60),
    path=st.sampled_from(["/v1/search", "/v1/ask", f"/v1/collections/{COLLECTION}/retry"]),
)
def test_no_bytes_make_a_route_fail_inside(api: TestClient, content: bytes, path: str) -> None:
    answer = api.post(path, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert is_problem(answer)


@QUICK
@given(
    parameters=st.dictionaries(
        st.sampled_from(["collection", "state", "prefix", "after", "limit"]),
        st.text(max_size=30).filter(str.isprintable),
    )
)
def test_no_parameters_make_the_list_fail_inside(api: TestClient, parameters: dict[str, str]) -> None:
    answer = api.get("/v1/documents", params={"collection": COLLECTION} | parameters)
    assert answer.status_code == 200 or (answer.status_code == 422 and is_problem(answer))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"query": ""}, "body.query"),
        ({"query": "   "}, "body.query"),
        ({"query": "x" * 2001}, "body.query"),
        ({"query": "\0"}, "body.query"),
        ({"top_k": 1001}, "body.top_k"),
        ({"top_k": 0}, "body.top_k"),
        ({"mode": "magic"}, "body.mode"),
        ({"collection": "../etc"}, "body.collection"),
        ({"groups": ["x"] * 129}, "body.groups"),
        ({"typo": 1}, "body.typo"),
    ],
)
def test_a_wrong_field_is_named(api: TestClient, body: dict[str, Any], field: str) -> None:
    answer = api.post("/v1/search", json={"collection": COLLECTION, "query": "x"} | body)
    assert answer.status_code == 422
    assert is_problem(answer)
    assert field in [each["field"] for each in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"query": ""}, "The field 'query' must not be empty."),
        ({"query": "\0"}, "The field 'query' must not contain NUL."),
        ({"top_k": 0}, "The field 'top_k' must be greater than or equal to 1."),
        ({"mode": "magic"}, "The field 'mode' must be 'hybrid', 'dense' or 'sparse'."),
        ({"typo": 1}, "The field 'typo' is not known."),
        ({"query": 1, "typo": 1}, "The field 'query' must be a valid string. The field 'typo' is not known."),
    ],
)
def test_what_is_wrong_is_said_in_sentences(api: TestClient, body: dict[str, Any], said: str) -> None:
    answer = api.post("/v1/search", json={"collection": COLLECTION, "query": "x"} | body)
    assert answer.json()["detail"] == said


@pytest.mark.parametrize(
    ("path", "body", "field", "said"),
    [
        ("embeddings", {"input": []}, "input", "The field 'input' must have at least 1 item."),
        ("embeddings", {"input": ["x"] * 257}, "input", "The field 'input' must have at most 256 items."),
        ("embeddings", {"input": [1]}, "input.0", "The field 'input.0' must be a valid string."),
        ("embeddings", {"input": ["x", ""]}, "input.1", "The field 'input.1' must not be empty."),
        ("embeddings", {"input": ""}, "input", "The field 'input' must not be empty."),
        ("embeddings", {"input": "\0"}, "input", "The field 'input' must not contain NUL."),
        ("embeddings", {"input": 1}, "input", "The field 'input' must be a valid string or a list."),
        ("embeddings", {}, "input", "The field 'input' is missing."),
        ("chat/completions", {"stop": "x"}, "stop", "The field 'stop' is not supported here: leave it out."),
        ("chat/completions", {"tools": [1]}, "tools", "The field 'tools' is not supported here: leave it out."),
        (
            "chat/completions",
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages.0.content.0.text",
            "The field 'messages.0.content.0.text' is missing.",
        ),
    ],
)
def test_of_a_field_of_several_kinds_only_what_was_meant_is_told(
    api: TestClient, path: str, body: dict[str, Any], field: str, said: str
) -> None:
    asked = {"messages": [{"role": "user", "content": "x"}]} if path == "chat/completions" else {}
    error = api.post(f"/v1/{path}", json={"model": COLLECTION} | asked | body).json()["error"]
    assert (error["param"], error["message"].partition(" Correct the request")[0]) == (field, said)


def test_a_body_that_is_no_json_is_said_to_be_none(api: TestClient) -> None:
    answer = api.post("/v1/search", content="{", headers={"content-type": "application/json"})
    assert answer.json()["detail"].startswith("The body is not JSON (")
    assert api.post("/v1/search").json()["detail"] == "The body is missing."
    assert api.get("/v1/documents").json()["detail"] == "The parameter 'collection' is missing."


def test_lone_surrogates_and_deep_or_huge_json_are_refused(api: TestClient) -> None:
    head = f'{{"collection": "{COLLECTION}", "query": '
    for rest in (
        '"\\ud800"}',
        '"x", "filters": ' + "[" * 50_000 + "]" * 50_000 + "}",
        '"x", "top_k": ' + "9" * 5000 + "}",
    ):
        answer = api.post("/v1/search", content=head + rest)
        assert answer.status_code == 422
        assert is_problem(answer)


def test_a_large_body_is_refused_whether_it_says_its_length_or_not(api: TestClient) -> None:
    content = b" " * (MAX_BODY_BYTES + 1)
    for body in (content, iter([content])):
        answer = api.post("/v1/search", content=body)
        assert (answer.status_code, is_problem(answer)) == (413, True)
        assert "question" not in answer.json()["remedy"]  # texts to embed come here, too


def test_unknown_paths_and_methods_are_problems(api: TestClient) -> None:
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("GET", "/v1/search", 405),
        ("DELETE", "/v1/documents", 405),
    ):
        answer = api.request(method, path)
        assert (answer.status_code, is_problem(answer)) == (status, True)
    assert api.get("/v1/search").headers["allow"] == "POST"
    assert api.options("/v1/documents").headers["allow"] == "GET, POST"
    assert api.put("/v1/projects/00000000-0000-7000-8000-000000000000").headers["allow"] == "GET, PATCH, DELETE"
    assert is_problem(api.get("/v1/documents/not-an-id"))


def test_an_unknown_collection_is_named_with_those_there_are(api: TestClient) -> None:
    answer = api.post("/v1/search", json={"collection": "elsewhere", "query": "x"})
    assert (answer.status_code, is_problem(answer)) == (422, True)
    assert COLLECTION in answer.json()["detail"]


def test_a_foreign_host_name_is_refused(api: TestClient) -> None:
    for host, status in (
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1:8000", 200),
        ("[::1]:1", 200),
    ):
        assert api.get("/healthz", headers={"host": host}).status_code == status


def test_parts_that_are_away_are_503_by_name_and_the_process_is_alive(tmp_path: Path, world: World) -> None:
    settings_ = world.settings(
        tmp_path,
        qdrant_url=f"http://127.0.0.1:{free_port()}",
        database_url=f"postgresql://rag:secret-word@127.0.0.1:{free_port()}/rag",
    )
    with TestClient(create_app(settings_), base_url="http://localhost", raise_server_exceptions=False) as api:
        assert api.get("/healthz").json() == {"status": "ok"}
        ready = api.get("/readyz")
        assert (ready.status_code, is_problem(ready)) == (503, True)
        assert ready.json()["parts"] == {"catalog": "away", "qdrant": "away", "model": "unknown"}
        for answer, dependency in (
            (api.post("/v1/search", json={"collection": COLLECTION, "query": "x"}), "qdrant"),
            (api.get("/v1/documents", params={"collection": COLLECTION}), "catalog"),
        ):
            assert (answer.status_code, is_problem(answer)) == (503, True)
            assert answer.json()["dependency"] == dependency
            assert int(answer.headers["retry-after"]) > 0
            assert "secret-word" not in answer.text


def test_collections_are_listed_while_the_index_is_away(tmp_path: Path, world: World) -> None:
    settings_ = world.settings(tmp_path, qdrant_url=f"http://127.0.0.1:{free_port()}")
    with TestClient(create_app(settings_), base_url="http://localhost") as api:
        (shown,) = api.get("/v1/collections").json()["collections"]
        assert (shown["name"], shown["index"]) == (COLLECTION, None)


def test_a_defect_shows_nothing_of_our_insides(world: World, tmp_path: Path) -> None:
    settings_ = world.settings(tmp_path)
    app = create_app(settings_, connections=Connections(settings_, open_model=lambda _: EMBEDDER))

    @app.get("/defect")
    def defect() -> None:
        message = "password=hunter2"
        raise RuntimeError(message)

    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as api:
        answer = api.get("/defect")
        assert (answer.status_code, is_problem(answer)) == (500, True)
        assert "hunter2" not in answer.text


def test_the_document_declares_retry_after_wherever_one_waits(api: TestClient) -> None:
    paths = api.get("/openapi.json").json()["paths"]
    for path, operations in paths.items():
        for operation in operations.values():
            for status in {"429", "503"} & operation["responses"].keys():
                assert operation["responses"][status]["headers"]["Retry-After"]["required"], (path, status)
    responses = paths["/v1/chat/completions"]["post"]["responses"]
    assert {"4XX", "429", "503"} <= responses.keys()


def test_the_document_says_which_texts_are_refused(api: TestClient) -> None:
    schemas = api.get("/openapi.json").json()["components"]["schemas"]
    asked, retried = schemas["SearchRequest"]["properties"], schemas["RetryRequest"]["properties"]
    for refused in ("", " \t", "a\0b"):
        assert not re.search(asked["query"]["pattern"], refused)
        assert api.post("/v1/search", json={"collection": COLLECTION, "query": refused}).status_code == 422
    assert re.search(asked["query"]["pattern"], " how\nlong ")
    assert not re.search(retried["prefix"]["pattern"], "\0")
    for wrong in ({"prefix": "\0"}, {"kind": "sulking"}, {"state": "indexed"}):
        answer = api.post(f"/v1/collections/{COLLECTION}/retry", json=wrong)
        assert (answer.status_code, is_problem(answer)) == (422, True)


def test_ready_says_so_with_every_part(api: TestClient, app: FastAPI) -> None:
    app.state.connections.encoders.wait()
    assert api.get("/readyz").json() == {"ready": True, "parts": {"catalog": "ok", "qdrant": "ok", "model": "ok"}}
