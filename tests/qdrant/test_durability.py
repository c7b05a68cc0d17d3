"""What was acknowledged is there: after kill -9 under load, after crashes at chosen moments, after a clean end."""

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import qdrant_edge
from qdrant_client import models

from tests.qdrant.corpus import create, dense, point
from tests.qdrant.server import EdgeServer
from tests.services.loopback import wait_until

VECTOR = [0.5] * 8


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EdgeServer]:
    with EdgeServer(tmp_path / "qdrant") as server:
        yield server


@dataclass(slots=True)
class Writer:
    """Writes points, changes and deletes some of them, and remembers what the server acknowledged."""

    url: str
    name: str
    number: int
    points: dict[str, int] = field(default_factory=dict[str, int])
    deleted: set[str] = field(default_factory=set[str])
    in_doubt: set[str] = field(default_factory=set[str])
    acknowledged: int = 0

    def run(self) -> None:
        """Write until the server is gone."""
        batch = 0
        with httpx.Client(base_url=f"{self.url}/collections/{self.name}", timeout=60) as http:
            while True:
                ids = [str(uuid.uuid5(uuid.UUID(int=self.number), f"{batch} {each}")) for each in range(8)]
                batch += 1
                self.in_doubt = set(ids)
                try:
                    self._write(http, ids, batch)
                except httpx.TransportError:
                    return
                self.in_doubt = set()

    def _write(self, http: httpx.Client, ids: list[str], batch: int) -> None:
        rows = [{"id": each, "vector": {"dense": VECTOR}, "payload": {"batch": batch}} for each in ids]
        self._send(http, "PUT", "/points", {"points": rows})
        self.points |= dict.fromkeys(ids, batch)
        self._send(http, "POST", "/points/payload", {"points": ids[:2], "payload": {"batch": -batch}})
        self.points |= dict.fromkeys(ids[:2], -batch)
        self._send(http, "POST", "/points/delete", {"points": ids[-2:]})
        self.deleted |= set(ids[-2:])

    def _send(self, http: httpx.Client, method: str, path: str, body: Any) -> None:
        answer = http.request(
            method,
            path,
            params={"wait": "true"},
            content=orjson.dumps(body),
            headers={"content-type": "application/json"},
        )
        assert answer.status_code == 200, answer.text
        self.acknowledged += 1


def check_nothing_acknowledged_is_missing(server: EdgeServer, name: str, writers: list[Writer]) -> None:
    """Assert that every acknowledged point is there, once, with its last acknowledged payload, and no deleted one."""
    client = server.client()
    found: list[tuple[str, int]] = []
    offset: Any = None
    while not found or offset is not None:
        records, offset = client.scroll(name, limit=1000, offset=offset, with_payload=["batch"])
        found += [(str(record.id), (record.payload or {})["batch"]) for record in records]
    client_count = client.count(name).count
    client.close()
    there = dict(found)
    assert len(there) == len(found) == client_count
    for writer in writers:
        settled = {each: batch for each, batch in writer.points.items() if each not in writer.in_doubt}
        kept = {each: batch for each, batch in settled.items() if each not in writer.deleted}
        assert {each: there.get(each) for each in kept} == kept
        assert not writer.deleted & there.keys()


def killed_under_load(server: EdgeServer, name: str, *, first: int, until: Any) -> list[Writer]:
    """Write from three threads until ``until(writers)``, then kill -9."""
    writers = [Writer(url=server.url, name=name, number=first + number) for number in range(3)]
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: until(writers), what="the moment to kill")
    finally:
        server.kill9()
        for thread in threads:
            thread.join()
    return writers


def test_kill_9_under_concurrent_writes_loses_nothing_acknowledged(server: EdgeServer) -> None:
    client = server.client()
    create(client, "notes")
    client.close()
    writers: list[Writer] = []
    for life in range(2):
        writers += killed_under_load(
            server, "notes", first=10 * life, until=lambda them: sum(each.acknowledged for each in them) >= 90
        )
        server.start()
        check_nothing_acknowledged_is_missing(server, "notes", writers)


def test_kill_9_while_hnsw_is_built_loses_nothing_acknowledged(tmp_path: Path) -> None:
    with EdgeServer(tmp_path / "qdrant", "--optimize-after-points", "1000", "--quiet-s", "0") as server:
        client = server.client()
        make_optimizable(client, "notes")
        client.upsert("notes", many_points(3000))
        client.close()
        writers = killed_under_load(
            server,
            "notes",
            first=0,
            until=lambda them: len(folders(server)) == 2 and all(each.acknowledged > 6 for each in them),
        )
        server.start()
        assert len(folders(server)) == 1 or status(server, "notes") == "yellow"
        check_nothing_acknowledged_is_missing(server, "notes", writers)


def test_hnsw_is_built_beside_the_writes_and_nothing_is_missed(tmp_path: Path) -> None:
    with EdgeServer(tmp_path / "qdrant", "--optimize-after-points", "1000", "--quiet-s", "0") as server:
        client = server.client()
        make_optimizable(client, "notes")
        before = folders(server)
        client.upsert("notes", many_points(1500))
        client.create_payload_index("notes", "batch", field_schema=models.PayloadSchemaType.INTEGER)
        writers = [Writer(url=server.url, name="notes", number=1)]
        thread = threading.Thread(target=writers[0].run)
        thread.start()
        wait_until(lambda: len(folders(server)) == 1 and folders(server) != before, what="the optimized shard to serve")
        assert client.get_collection("notes").indexed_vectors_count
        server.terminate()
        client.close()
        thread.join()
        assert server.stop() == 0
        server.start()
        check_nothing_acknowledged_is_missing(server, "notes", writers)
        client = server.client()
        assert set(client.get_collection("notes").payload_schema) == {"batch"}
        client.close()


def test_a_restart_finds_collections_indexes_aliases_and_metadata(server: EdgeServer) -> None:
    client = server.client()
    create(client, "notes-1")
    create(client, "Ünïcode name ☃")
    client.create_payload_index("notes-1", "group", field_schema=models.PayloadSchemaType.KEYWORD)
    make = models.CreateAlias(collection_name="notes-1", alias_name="notes")
    client.update_collection_aliases([models.CreateAliasOperation(create_alias=make)])
    client.update_collection("notes", metadata={"added": {"later": True}})
    client.upsert("notes", [point(1), point(2)])
    before = [client.get_collection("notes"), client.get_aliases(), client.get_collections(), client.scroll("notes")]
    server.kill9()
    server.start()
    after = [client.get_collection("notes"), client.get_aliases(), client.get_collections(), client.scroll("notes")]
    client.close()
    assert after == before


def test_a_refused_upsert_leaves_nothing_behind_after_a_crash(server: EdgeServer) -> None:
    client = server.client()
    create(client, "notes")
    client.upsert("notes", [point(1)])
    wrong = {
        "length": {"dense": [1.0, 2.0]},
        "name": {"dense": VECTOR, "unknown": VECTOR},
        "kind": {"dense": {"indices": [1], "values": [1.0]}},
        "values": {"sparse": {"indices": [1, 2], "values": [1.0]}},
        "words": {"dense": ["a"] * 8},
    }
    with httpx.Client(base_url=server.url) as http:
        for vector in wrong.values():
            points = [{"id": 2, "vector": {"dense": VECTOR}}, {"id": 3, "vector": vector}]
            assert http.put("/collections/notes/points", json={"points": points}).status_code == 400
    server.kill9()
    server.start()
    records, _ = client.scroll("notes")
    client.close()
    assert len(records) == 1


def test_a_crash_between_shard_and_manifest_converges(server: EdgeServer) -> None:
    server.kill9()
    config = qdrant_edge.EdgeConfig(vectors=qdrant_edge.EdgeVectorParams(size=2, distance=qdrant_edge.Distance.Dot))
    orphan = server.path / "collections" / "notes-0123456789ab"
    qdrant_edge.EdgeShard.create(str(orphan), config).close()
    (server.path / "manifest.new").write_text("{half a mani")
    server.start()
    client = server.client()
    assert not client.collection_exists("notes")
    create(client, "notes")
    assert client.count("notes").count == 0
    client.close()
    assert not orphan.exists()


def test_a_deleted_collection_leaves_no_folder_also_when_deleting_it_was_cut_short(server: EdgeServer) -> None:
    client = server.client()
    create(client, "notes")
    (kept,) = folders(server)
    client.delete_collection("notes")
    assert folders(server) == set()
    server.kill9()
    (server.path / "collections" / f"gone-{kept}" / "segments").mkdir(parents=True)
    server.start()
    create(client, "notes")
    client.close()
    assert len(folders(server)) == 1
    assert kept not in folders(server)


def test_sigterm_finishes_requests_in_flight_and_ends_with_0(server: EdgeServer) -> None:
    client = server.client()
    create(client, "notes")
    client.close()
    body = orjson.dumps({"points": [{"id": 1, "vector": {"dense": VECTOR}}]})
    under_way, go_on = threading.Event(), threading.Event()

    def slowly() -> Iterator[bytes]:
        yield body[:10]
        under_way.set()
        go_on.wait(30)
        yield body[10:]

    answers: list[int] = []

    def send() -> None:
        headers = {"content-type": "application/json", "content-length": str(len(body))}
        answer = httpx.put(f"{server.url}/collections/notes/points", content=slowly(), headers=headers, timeout=60)
        answers.append(answer.status_code)

    sender = threading.Thread(target=send)
    sender.start()
    assert under_way.wait(30)
    wait_until(lambda: httpx.get(f"{server.url}/readyz").status_code == 200, what="the server to have seen the request")
    server.terminate()
    go_on.set()
    sender.join()
    assert (answers, server.stop()) == ([200], 0)
    server.start()
    client = server.client()
    assert client.count("notes").count == 1
    client.close()


def test_damaged_files_are_refused_by_name_and_nothing_is_touched(server: EdgeServer) -> None:
    client = server.client()
    create(client, "notes")
    client.upsert("notes", [point(1)])
    server.kill9()
    (folder,) = folders(server)
    manifest, collection = server.path / "manifest.json", server.path / "collections" / folder
    kept = manifest.read_bytes()
    manifest.write_text("{}")
    with pytest.raises(AssertionError, match=r"manifest\.json is damaged"):
        server.start()
    manifest.write_bytes(kept)
    aside = collection.rename(server.path / "aside")
    with pytest.raises(AssertionError, match=r"collection notes in .* cannot be opened"):
        server.start()
    aside.rename(collection)
    server.start()
    assert client.count("notes").count == 1
    client.close()


def test_a_collection_can_be_deleted_and_the_server_ended_while_hnsw_is_built(tmp_path: Path) -> None:
    with EdgeServer(tmp_path / "qdrant", "--optimize-after-points", "1000", "--quiet-s", "0") as server:
        client = server.client()
        for name in ("deleted", "kept"):
            make_optimizable(client, name)
            client.upsert(name, many_points(2500))
            wait_until(lambda name=name: status(server, name) == "yellow", what="an optimization to begin")
            if name == "deleted":
                client.delete_collection(name)
                wait_until(lambda: not folders(server), what="its folders to be gone")
        client.close()
        assert server.stop() == 0
        server.start()
        client = server.client()
        assert client.count("kept").count == 2500
        client.close()


def many_points(count: int) -> list[models.PointStruct]:
    return [models.PointStruct(id=each, vector={"dense": dense(each)}, payload={"batch": 0}) for each in range(count)]


def make_optimizable(client: Any, name: str) -> None:
    """Create a collection whose HNSW graph is worth building at a thousand small vectors."""
    client.create_collection(
        name,
        vectors_config={"dense": models.VectorParams(size=8, distance=models.Distance.COSINE)},
        optimizers_config=models.OptimizersConfigDiff(indexing_threshold=10),
    )


def folders(server: EdgeServer) -> set[str]:
    return {each.name for each in (server.path / "collections").iterdir()}


def status(server: EdgeServer, name: str) -> str:
    return httpx.get(f"{server.url}/collections/{name}").json()["result"]["status"]
