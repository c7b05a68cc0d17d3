"""Uploads into a real S3 bucket: sent whole, seen by sweeps as recorded, nothing half left behind."""

import contextlib
from collections.abc import Iterator

import pytest

from rag_core.collection import MIB
from tests.services.seaweed import SeaweedServer
from tests.uploads.conftest import Desk

TEXT = b"# Backups\n\nThey are kept for thirty days.\n"


@pytest.fixture(scope="module")
def seaweed() -> Iterator[SeaweedServer]:
    with SeaweedServer() as running:
        yield running


@pytest.fixture
def bucket(api: Desk, seaweed: SeaweedServer, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in seaweed.environment.items():
        monkeypatch.setenv(name, value)
    made = seaweed.create_bucket()
    api.declare(
        sources=[{"name": "inbox", "url": f"s3://{made}/landing"}],
        uploads={"source": "inbox", "max_bytes": 16 * MIB},
    )
    return made


def keys(seaweed: SeaweedServer, bucket: str) -> list[str]:
    with contextlib.closing(seaweed.client()) as s3:
        return [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]


def test_a_file_becomes_an_object_that_a_sweep_knows(api: Desk, seaweed: SeaweedServer, bucket: str) -> None:
    first = api.post(("Bericht ü+%.md", TEXT)).json()
    assert keys(seaweed, bucket) == ["landing/uploads/local/Bericht ü+%.md"]
    assert api.post(("Bericht ü+%.md", TEXT)).json()["job_id"] == first["job_id"]
    assert (api.sweep().recorded, api.recorded()) == (0, 1)
    assert api.post(("Bericht ü+%.md", TEXT + b"more")).json()["job_id"] != first["job_id"]
    assert (api.sweep().recorded, api.recorded()) == (0, 2)


def test_a_file_sent_in_parts_is_whole_and_a_refused_one_leaves_nothing(
    api: Desk, seaweed: SeaweedServer, bucket: str
) -> None:
    content = b"words " * (12 * MIB // 6)
    assert api.post(("large.txt", content)).status_code == 202
    assert api.post(("larger.txt", content * 2)).status_code == 413
    assert keys(seaweed, bucket) == ["landing/uploads/local/large.txt"]
    with contextlib.closing(seaweed.client()) as s3:
        assert s3.get_object(Bucket=bucket, Key="landing/uploads/local/large.txt")["Body"].read() == content
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert (api.sweep().recorded, api.recorded()) == (0, 1)


def test_a_bucket_that_is_away_is_said(api: Desk, seaweed: SeaweedServer, bucket: str) -> None:
    api.declare(sources=[{"name": "inbox", "url": "s3://nowhere-to-be-found"}])
    assert api.post(("a.md", TEXT)).status_code == 503
    assert api.recorded() == 0
