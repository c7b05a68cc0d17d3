"""Buckets: AWS's own answers from moto, a real server's order and death from SeaweedFS."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag_core.collection import BucketSource
from rag_core.errors import (
    ConfigurationError,
    DependencyUnavailable,
    DocumentRejected,
    DocumentUnavailable,
    InvalidRequest,
    SourceChanged,
)
from resources.clients.object_store import ObjectStore, RootMissing, open_store
from tests.services.seaweed import SeaweedServer
from tests.sources.aws_answers import AwsAnswers

_KEYS = ["a", "a b+%2A é.txt", "a-b", "a.b", "a/b", "a/c/d", "a/c-d", "é/x", "z"]


def _open(url: str, environ: dict[str, str], **declared: object) -> ObjectStore:
    source = BucketSource.model_validate({"name": "bucket", "url": url, **declared})
    return open_store(source, Path("/"), environ=environ)


def _listed(store: ObjectStore, *, after: str = "", page_size: int = 2) -> list[str]:
    return [info.key for page in store.pages(after, page_size=page_size) for info in page.objects]


@pytest.fixture
def bucket(aws: AwsAnswers) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:10]}"
    aws.client().create_bucket(Bucket=name)
    yield name
    aws.faults.clear()


@pytest.mark.parametrize("listing", ["flat", "folders"])
def test_listing_is_bytewise_below_a_prefix_from_any_key_onwards(aws: AwsAnswers, bucket: str, listing: str) -> None:
    s3 = aws.client()
    for key in _KEYS:
        s3.put_object(Bucket=bucket, Key=f"in/{key}", Body=b"x")
    s3.put_object(Bucket=bucket, Key="in-other/x", Body=b"x")
    s3.put_object(Bucket=bucket, Key="in/folder/", Body=b"")  # the marker that consoles make for a folder
    s3.put_object(Bucket=bucket, Key="in/empty.txt", Body=b"")
    store = _open(f"s3://{bucket}/in/", aws.environment, listing=listing)
    expected = sorted([*_KEYS, "empty.txt"], key=str.encode)
    assert _listed(store) == expected
    for cut, key in enumerate(expected):
        assert _listed(store, after=key) == expected[cut + 1 :]
    assert store.uri("a b+%2A é.txt") == f"s3://{bucket}/in/a%20b%2B%252A%20%C3%A9.txt"


def test_seaweed_lists_folders_first_and_is_listed_bytewise_all_the_same(seaweed: SeaweedServer) -> None:
    bucket = seaweed.create_bucket()
    for key in _KEYS:
        seaweed.client().put_object(Bucket=bucket, Key=key, Body=b"x")
    store = _open(f"s3://{bucket}", seaweed.environment)
    expected = sorted(_KEYS, key=str.encode)
    assert _listed(store) == expected
    for cut, key in enumerate(expected):
        assert _listed(store, after=key) == expected[cut + 1 :]
    with pytest.raises(ConfigurationError, match="listing: folders"):
        _listed(_open(f"s3://{bucket}", seaweed.environment, listing="flat"), page_size=100)


def test_user_metadata_version_and_bytes_are_those_of_one_look(aws: AwsAnswers, bucket: str, tmp_path: Path) -> None:
    s3 = aws.client()
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put = s3.put_object(Bucket=bucket, Key="doc.txt", Body=b"one", Metadata={"team": "red"}, ContentType="text/plain")
    store = _open(f"s3://{bucket}", aws.environment)
    info = store.head("doc.txt")
    assert info is not None
    assert info.user_metadata == {"team": "red"}
    read = store.download("doc.txt", tmp_path / "doc", expected=info, max_bytes=3)
    assert (tmp_path / "doc").read_bytes() == b"one"
    assert read.version_id == put["VersionId"]
    assert read.user_metadata == {"team": "red"}


def test_an_object_overwritten_since_it_was_looked_at_is_not_read(aws: AwsAnswers, bucket: str, tmp_path: Path) -> None:
    s3 = aws.client()
    s3.put_object(Bucket=bucket, Key="doc.txt", Body=b"one")
    store = _open(f"s3://{bucket}", aws.environment)
    info = store.head("doc.txt")
    assert info is not None
    s3.put_object(Bucket=bucket, Key="doc.txt", Body=b"two")
    with pytest.raises(SourceChanged):
        store.download("doc.txt", tmp_path / "doc", expected=info, max_bytes=100)
    s3.delete_object(Bucket=bucket, Key="doc.txt")
    with pytest.raises(SourceChanged):
        store.download("doc.txt", tmp_path / "doc", expected=info, max_bytes=100)


def test_an_object_over_the_limit_is_rejected(aws: AwsAnswers, bucket: str) -> None:
    aws.client().put_object(Bucket=bucket, Key="doc.txt", Body=b"x" * 11)
    with pytest.raises(DocumentRejected):
        _open(f"s3://{bucket}", aws.environment).read_small("doc.txt", 10)


def test_gone_is_none_while_the_bucket_is_there_and_a_missing_bucket_is_no_gone_object(
    aws: AwsAnswers, bucket: str
) -> None:
    assert _open(f"s3://{bucket}", aws.environment).head("never") is None
    assert _open(f"s3://{bucket}", aws.environment).read_small("never", 10) is None
    missing = _open("s3://no-such-bucket", aws.environment)
    with pytest.raises(RootMissing):
        missing.head("never")
    with pytest.raises(RootMissing):
        missing.list_page("", 10)


@pytest.mark.parametrize("status", [503, 500, 403])
def test_one_objects_fault_is_the_documents_and_the_buckets_is_the_dependencys(
    aws: AwsAnswers, bucket: str, status: int, tmp_path: Path
) -> None:
    aws.client().put_object(Bucket=bucket, Key="doc.txt", Body=b"one")
    store = _open(f"s3://{bucket}", aws.environment)
    info = store.head("doc.txt")
    assert info is not None
    aws.faults[f"/{bucket}/doc.txt"] = status
    with pytest.raises(DocumentUnavailable):
        store.download("doc.txt", tmp_path / "doc", expected=info, max_bytes=100)
    aws.faults[f"/{bucket}"] = status
    with pytest.raises(DependencyUnavailable) as away:
        store.download("doc.txt", tmp_path / "doc", expected=info, max_bytes=100)
    assert not isinstance(away.value, RootMissing)
    with pytest.raises(DependencyUnavailable):
        store.list_page("", 10)


def test_wrong_credentials_are_an_outage_with_a_remedy_and_no_secret_in_it(seaweed: SeaweedServer) -> None:
    bucket = seaweed.create_bucket()
    environ = {**seaweed.environment, "AWS_SECRET_ACCESS_KEY": "wrong-secret"}
    with pytest.raises(DependencyUnavailable, match="credentials") as refused:
        _open(f"s3://{bucket}", environ).list_page("", 10)
    assert "wrong-secret" not in str(refused.value)
    with pytest.raises(DependencyUnavailable):
        _open(f"s3://{bucket}", environ).head("never")


def test_a_key_that_cannot_be_read_is_reported_with_its_folder_and_the_rest_is_listed(
    aws: AwsAnswers, bucket: str
) -> None:
    s3 = aws.client()
    for key in ["good/x", "odd/a//b", "z"]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    page = _open(f"s3://{bucket}", aws.environment).list_page("", 10)
    assert [info.key for info in page.objects] == ["good/x", "z"]
    assert [each.prefix for each in page.unreadable] == ["odd/a/"]
    with pytest.raises(InvalidRequest):
        _open(f"s3://{bucket}", aws.environment, listing="flat").list_page("", 10)


def test_a_key_over_the_limit_with_its_prefix_is_not_there_where_the_store_refuses_it(
    aws: AwsAnswers, bucket: str
) -> None:
    store = _open(f"s3://{bucket}/in", aws.environment)
    aws.faults[f"/{bucket}/in/"] = 400  # AWS: KeyTooLongError; of a HEAD only the status comes
    assert store.head("x" * 1022) is None
    assert store.read_small("x" * 1022, 10) is None
    with pytest.raises(DocumentUnavailable):
        store.head("x" * 1021)
    aws.faults[f"/{bucket}/in/"] = 503
    with pytest.raises(DocumentUnavailable):
        store.head("x" * 1022)


def test_put_and_delete(seaweed: SeaweedServer, tmp_path: Path) -> None:
    store = _open(f"s3://{seaweed.create_bucket()}/in", seaweed.environment)
    (tmp_path / "doc").write_text("hello")
    info = store.put("a b.txt", tmp_path / "doc")
    assert store.read_small("a b.txt", 10) == (info, b"hello")
    store.delete("a b.txt")
    store.delete("a b.txt")
    assert store.head("a b.txt") is None


def test_plain_http_is_spoken_only_to_an_endpoint_that_says_so() -> None:
    with pytest.raises(ConfigurationError, match="RAG_OTHER_S3"):
        _open("s3://bucket", {}, endpoint_env="RAG_OTHER_S3")
