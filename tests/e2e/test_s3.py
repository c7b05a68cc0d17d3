"""The main job from a real S3 server over HTTP, which is killed in the middle."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.e2e.index_state import points_of
from tests.e2e.stack import Stack

pytestmark = pytest.mark.xdist_group("e2e")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("s3"), source_url="s3://rag/notes", s3=True) as running:
        yield running


@pytest.fixture(scope="module")
def bucket(stack: Stack) -> Any:
    known = json.loads((stack.home / "stack.json").read_text())["settings"]
    store = boto3.resource(
        "s3",
        endpoint_url=known["s3_endpoint"],
        aws_access_key_id=known["s3_access_key_id"],
        aws_secret_access_key=known["s3_secret_access_key"],
        region_name="us-east-1",
    )
    return store.Bucket("rag")


def put(bucket: Any, key: str, text: str) -> None:
    bucket.put_object(Key=f"notes/{key}", Body=text.encode())


def test_objects_are_found_changed_and_deleted(stack: Stack, bucket: Any) -> None:
    keys = [f"team/n{number:02d}.md" for number in range(12)]
    for number, key in enumerate(keys):
        put(bucket, key, f"# Note {number}\n\nThe locker of person {number} is number {number * 31}.\n")
    stack.wait_settled(keys)
    found = stack.search("locker of person 7", top_k=1)[0]
    assert found["uri"] == "s3://rag/notes/team/n07.md"
    assert found["lineage"]["made_by"]["run_id"]

    put(bucket, keys[7], "# Note 7\n\nThe locker of person seven moved to the cellar.\n")
    bucket.Object(f"notes/{keys[3]}").delete()
    stack.wait_for("the new text answers", lambda: "cellar" in stack.search("locker in the cellar", top_k=1)[0]["text"])
    stack.wait_for("the deletion", lambda: stack.documents()[keys[3]]["state"] == "deleted")
    texts = [one["text"] for one in stack.search("locker of person", top_k=50)]
    assert len(texts) == 11
    assert not any("person 3 " in text or "217" in text for text in texts)


def test_a_killed_server_costs_no_document_and_no_attempt(stack: Stack, bucket: Any) -> None:
    keys = [f"late/n{number:02d}.md" for number in range(20)]
    for number, key in enumerate(keys):
        put(bucket, key, f"# Late {number}\n\nThe bicycle of person {number} is green.\n")
    (server,) = [part["pid"] for part in stack.rag_json("status")["parts"] if part["name"] == "s3"]
    os.kill(server, signal.SIGKILL)
    found = stack.wait_settled(keys, limit_s=240)
    assert {found[key]["state"] for key in keys} == {"indexed"}
    points = points_of(f"http://127.0.0.1:{stack.ports['QDRANT']}", "notes").values()
    late = [payload["uri"] for payload, _, _ in points if "/late/" in payload["uri"]]
    assert sorted(late) == [f"s3://rag/notes/{key}" for key in keys]
    assert any(part["name"] == "s3" and part["restarts"] for part in stack.rag_json("status")["parts"])
