"""What is refused, and in which words and codes: Qdrant's where clients look for them."""

import json
import socket
import subprocess
from pathlib import Path

import httpx
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from local_stack.edge_server.operations import NOT_SERVED, SERVED
from tests.qdrant.corpus import create, dense, point
from tests.qdrant.server import PROJECT, EdgeServer

JSON = {"content-type": "application/json"}


def refusal(answer: httpx.Response) -> str:
    """Return the words of an error in Qdrant's envelope."""
    body = answer.json()
    assert isinstance(body["time"], float)
    return body["status"]["error"]


@pytest.mark.parametrize("operation", NOT_SERVED, ids=lambda operation: operation.name.replace(" ", "-"))
def test_an_operation_that_is_not_served_is_named(http: httpx.Client, operation: object) -> None:
    path = operation.path.format(  # pyright: ignore[reportAttributeAccessIssue] - parametrized
        collection_name="c", vector_name="v", snapshot_name="s", peer_id="1", shard_id="0"
    )
    answer = http.request(operation.method, path)  # pyright: ignore[reportAttributeAccessIssue]
    assert answer.status_code == 501
    assert f"`{operation.name}`" in refusal(answer)  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nothing"), ("POST", "/collections/c/nothing/here"), ("DELETE", "/aliases"), ("GET", "/collections/")],
)
def test_an_unknown_path_or_method_is_named(http: httpx.Client, method: str, path: str) -> None:
    answer = http.request(method, path)
    assert answer.status_code == 501
    assert f"`{method} {path}`" in refusal(answer)


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("points/query", {"query": {"recommend": {"positive": [1]}}}, "query points: recommend"),
        ("points/query", {"query": {"formula": 1.0}}, "query points: formula"),
        ("points/query", {"query": [0.5] * 8, "using": "dense", "lookup_from": {"collection": "x"}}, "lookup_from"),
        ("points/query", {"query": {"text": "words", "model": "m"}, "using": "dense"}, "query points: "),
        ("points/query", {"prefetch": [{"query": {"sample": "random", "new": 1}}]}, "query points: new"),
        ("points/scroll", {"filter": {"must": [{"slice": {"total": 2}}]}}, "filter condition: slice"),
        ("points/scroll", {"filter": {"must": [{"key": "a", "match": {"sounds_like": "b"}}]}}, "match: sounds_like"),
        ("points/count", {"shard_key": "a"}, "shard_key"),
        ("points/count?new_option=1", {}, "query parameter new_option"),
    ],
)
def test_an_option_that_is_not_served_is_named_and_not_ignored(
    http: httpx.Client, empty: str, path: str, body: object, named: str
) -> None:
    answer = http.post(f"/collections/{empty}/{path}", json=body)
    assert answer.status_code == 501
    assert named in refusal(answer)


def test_a_collection_that_is_not_there_is_404_for_every_operation(http: httpx.Client) -> None:
    bodies = {
        "batch update": {"operations": []},
        "create field index": {"field_name": "a", "field_schema": "keyword"},
        "update collection": {"metadata": {"a": 1}},
    }
    global_ones = {"list aliases", "list collections", "update aliases", "collection exists", "create collection"}
    for operation in SERVED:
        if operation.name in global_ones | {"delete collection"}:
            continue
        path = operation.path.format(collection_name="nobody", field_name="f", id="1")
        content = None if operation.method in {"GET", "DELETE"} else json.dumps(bodies.get(operation.name, {}))
        answer = http.request(operation.method, path, content=content, headers=JSON)
        assert (operation.name, answer.status_code) == (operation.name, 404)
        assert refusal(answer) == "Not found: Collection `nobody` doesn't exist!"


def test_names_are_taken_once(edge: QdrantClient, http: httpx.Client, name: str) -> None:
    create(edge, name)
    with pytest.raises(UnexpectedResponse) as refused:
        create(edge, name)
    assert refused.value.status_code == 409
    assert f"Collection `{name}` already exists" in str(refused.value)
    make = {"create_alias": {"collection_name": name, "alias_name": name}}
    assert http.post("/collections/aliases", json={"actions": [make]}).status_code == 409


@pytest.mark.parametrize("bad", ["%2e%2e", "a%5Cb", "a%00b", "x" * 256, "a%3Cb", "a%0Ab"])
def test_a_name_that_could_be_a_path_is_refused(http: httpx.Client, bad: str) -> None:
    vectors = {"vectors": {"size": 2, "distance": "Dot"}}
    answer = http.put(f"/collections/{bad}", json=vectors)
    assert answer.status_code in {400, 501}
    answer = http.put(f"/collections/ok%2F..%2F{bad}", json=vectors)
    assert answer.status_code == 501


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 0},
        {"limit": 10_000_000},
        {"limit": "many"},
        {"offset": "no-uuid"},
        {"filter": {"must": [{"key": "a", "match": {"any": [1, "b"]}}]}},
        {"filter": {"must": [{"key": "a"}, 7]}},
        {"filter": []},
        {"order_by": "not-indexed"},
        [],
    ],
)
def test_a_malformed_request_is_400(http: httpx.Client, empty: str, body: object) -> None:
    answer = http.post(f"/collections/{empty}/points/scroll", json=body)
    assert (answer.status_code, bool(refusal(answer))) == (400, True)


def test_deep_nesting_is_400(http: httpx.Client, empty: str) -> None:
    nested: dict[str, object] = {"must": []}
    prefetch: dict[str, object] = {"limit": 1}
    for _ in range(40):
        nested, prefetch = {"must": [nested]}, {"limit": 1, "prefetch": [prefetch]}
    assert http.post(f"/collections/{empty}/points/scroll", json={"filter": nested}).status_code == 400
    assert http.post(f"/collections/{empty}/points/query", json=prefetch).status_code == 400
    broken = http.post(f"/collections/{empty}/points/query", content=b"{", headers=JSON)
    assert (broken.status_code, refusal(broken).startswith("Format error in JSON body")) == (400, True)


def test_vectors_that_do_not_fit_are_400_and_missing_points_404(edge: QdrantClient, empty: str) -> None:
    asked = [
        lambda: edge.query_points(empty, query=[1.0, 2.0], using="dense"),
        lambda: edge.query_points(empty, query=dense(1), using="nothing"),
        lambda: edge.query_points(empty, query=dense(1)),
        lambda: edge.upsert(empty, [models.PointStruct(id=1, vector=dense(1), payload={})]),
        lambda: edge.query_points(empty, query=models.FusionQuery(fusion=models.Fusion.RRF)),
    ]
    for ask in asked:
        with pytest.raises(UnexpectedResponse, match="400"):
            ask()
    for ask in (
        lambda: edge.query_points(empty, query=99, using="dense"),
        lambda: edge.set_payload(empty, {"a": 1}, [99], wait=True),
    ):
        with pytest.raises(UnexpectedResponse, match="404"):
            ask()


def test_a_payload_too_deep_to_be_answered_is_400(http: httpx.Client, edge: QdrantClient, name: str) -> None:
    create(edge, name)
    url = f"/collections/{name}/points"
    for depth, status in ((99, 200), (100, 400), (300, 400)):
        payload: dict[str, object] = {}
        for _ in range(depth):
            payload = {"a": payload}
        points = [{"id": depth, "vector": {"dense": dense(1)}, "payload": payload}]
        assert http.put(url, json={"points": points}).status_code == status
    deeper = {"points": [99], "payload": {"b": 1}, "key": "a" + ".a" * 120}
    assert http.post(f"{url}/payload", json=deeper).status_code == 400
    assert len(edge.scroll(name)[0]) == 1


def test_a_batch_with_a_malformed_operation_changes_nothing(http: httpx.Client, edge: QdrantClient, empty: str) -> None:
    good = {"upsert": {"points": [{"id": 1, "vector": {"dense": dense(1)}}]}}
    bad = {"upsert": {"points": [{"id": 2, "vector": {"dense": [1.0]}}]}}
    answer = http.post(f"/collections/{empty}/points/batch", json={"operations": [good, bad]})
    assert (answer.status_code, edge.count(empty).count) == (400, 0)


def test_a_body_over_the_limit_is_413_before_it_is_read(edge_server: EdgeServer) -> None:
    head = f"PUT /collections/c/points HTTP/1.1\r\nHost: localhost\r\nContent-Length: {65 * 1024 * 1024}\r\n"
    with socket.create_connection(("127.0.0.1", edge_server.port), timeout=30) as connection:
        connection.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode())
        assert connection.recv(64).startswith(b"HTTP/1.1 413 ")


def test_web_pages_of_other_origins_cannot_write(http: httpx.Client, empty: str) -> None:
    body = json.dumps({"filter": {}})
    as_form = http.post(f"/collections/{empty}/points/delete", content=body, headers={"content-type": "text/plain"})
    rebound = http.get("/collections", headers={"host": "attacker.example"})
    assert [as_form.status_code, rebound.status_code] == [400, 400]


def test_a_second_process_on_the_same_folder_is_refused(edge_server: EdgeServer) -> None:
    command = EdgeServer(edge_server.path).command()
    second = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1
    assert f"{edge_server.path} is in use by another Qdrant Edge server (process " in second.stderr


def test_a_port_in_use_is_named(edge_server: EdgeServer, tmp_path: Path) -> None:
    other = EdgeServer(tmp_path / "other")
    other.port = edge_server.port
    second = subprocess.run(other.command(), cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1:{edge_server.port}" in second.stderr


def test_an_unmodified_client_finds_the_version_it_expects(edge_server: EdgeServer, edge: QdrantClient) -> None:
    checking = QdrantClient(url=edge_server.url, prefer_grpc=False)
    assert checking.get_collections() == edge.get_collections()
    checking.close()
    assert edge.info().version.startswith("1.20")


def test_a_point_is_read_alone(http: httpx.Client, edge: QdrantClient, name: str) -> None:
    create(edge, name)
    edge.upsert(name, [point(1), models.PointStruct(id=5, vector={"dense": dense(5)}, payload={"a": 1})])
    found = http.get(f"/collections/{name}/points/5").json()["result"]
    assert (found["id"], found["payload"], list(found["vector"])) == (5, {"a": 1}, ["dense"])
    assert http.get(f"/collections/{name}/points/6").status_code == 404
    for path in ("/", "/healthz", "/readyz", "/livez"):
        assert http.get(path).status_code == 200
