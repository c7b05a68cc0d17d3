"""Sweeps of buckets that answer as AWS does: tags, versions, throttling, rights that are missing."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from rag_core.arrivals import Presence
from rag_core.collection import BucketSource
from rag_core.errors import ConfigurationError, DependencyUnavailable, DocumentUnavailable
from resources.clients.catalog import Catalog
from resources.clients.object_store import RootMissing
from tests.services.seaweed import SeaweedServer
from tests.sources.aws_answers import AwsAnswers
from tests.sources.conftest import OpenSweep
from tests.sources.sweeping import complete

_TAGS = [{"from": "tags", "fields": ["team", "allowed_groups"]}]


@pytest.fixture
def bucket(aws: AwsAnswers) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:10]}"
    aws.client().create_bucket(Bucket=name)
    yield name
    aws.faults.clear()


def _known(catalog: Catalog) -> dict[str, str]:
    rows = catalog.sources.known("notes", "landing", after_key="", through_key=None, limit=10_000)
    return {row.key: row.announced for row in rows if row.presence is Presence.PRESENT}


def _tag(s3: Any, bucket: str, key: str, **tags: str) -> None:
    named = [{"Key": name, "Value": value} for name, value in tags.items()]
    s3.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": named})


@pytest.mark.parametrize("by", ["aws", "seaweed"])
def test_a_change_of_a_named_tag_alone_is_found_and_of_another_is_not(
    open_sweep: OpenSweep, aws: AwsAnswers, seaweed: SeaweedServer, catalog: Catalog, by: str
) -> None:
    running: AwsAnswers | SeaweedServer = aws if by == "aws" else seaweed
    s3, bucket = running.client(), f"test-{uuid.uuid4().hex[:10]}"
    s3.create_bucket(Bucket=bucket)
    for key in ("in/a b.txt", "in/é+%.txt", "in/plain.txt"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    asked = {"url": f"s3://{bucket}/in", "environ": running.environment}
    assert complete(open_sweep(**asked)).recorded == 3
    assert complete(open_sweep(**asked, metadata=_TAGS)).recorded == 0  # no tags yet: asking for them changes nothing
    _tag(s3, bucket, "in/a b.txt", team="red", scanned="yes")
    _tag(s3, bucket, "in/é+%.txt", scanned="yes")
    assert complete(open_sweep(**asked, metadata=_TAGS)).recorded == 1
    assert complete(open_sweep(**asked, metadata=_TAGS)).recorded == 0
    _tag(s3, bucket, "in/a b.txt", team="blue", scanned="no")
    assert complete(open_sweep(**asked, metadata=_TAGS)).recorded == 1
    s3.delete_object_tagging(Bucket=bucket, Key="in/a b.txt")
    assert complete(open_sweep(**asked, metadata=_TAGS)).recorded == 1
    assert open_sweep(**asked)._store.tags("never") == {}


def test_no_tags_are_asked_for_without_a_rule(
    open_sweep: OpenSweep, aws: AwsAnswers, bucket: str, catalog: Catalog
) -> None:
    aws.client().put_object(Bucket=bucket, Key="a.txt", Body=b"x")
    aws.faults["tagging"] = 403
    assert complete(open_sweep(url=f"s3://{bucket}", environ=aws.environment)).recorded == 1


def test_one_objects_unreadable_tags_are_its_own_and_missing_rights_are_the_sources(
    open_sweep: OpenSweep, aws: AwsAnswers, bucket: str, catalog: Catalog
) -> None:
    s3 = aws.client()
    for key in ("a.txt", "b.txt"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    sweep = open_sweep(url=f"s3://{bucket}", environ=aws.environment, metadata=_TAGS)
    aws.faults["tagging"] = 403
    with pytest.raises(DependencyUnavailable, match="s3:GetObjectTagging"):
        sweep.tick()
    assert _known(catalog) == {}
    aws.faults.clear()
    aws.faults[f"/{bucket}/a.txt?tagging"] = 403
    assert complete(sweep).recorded == 2  # a run looks at a.txt, and says what is wrong
    with pytest.raises(DocumentUnavailable, match="s3:GetObjectTagging"):
        sweep._store.tags("a.txt")
    aws.faults.clear()
    assert complete(sweep).recorded == 1
    aws.faults[f"/{bucket}"] = 503
    with pytest.raises(DependencyUnavailable):
        sweep._store.tags("a.txt")
    aws.faults.clear()
    with pytest.raises(RootMissing):
        open_sweep(url="s3://no-such-bucket", environ=aws.environment)._store.tags("a.txt")


def test_a_folder_has_no_tags() -> None:
    with pytest.raises(ValueError, match="files of a folder have no tags"):
        BucketSource.model_validate({"name": "landing", "url": "inbox", "metadata": _TAGS})


def test_a_store_without_tags_says_that_the_rule_must_go(
    open_sweep: OpenSweep, aws: AwsAnswers, bucket: str, catalog: Catalog
) -> None:
    aws.client().put_object(Bucket=bucket, Key="a.txt", Body=b"x")
    aws.faults["tagging"] = 501
    with pytest.raises(ConfigurationError, match="from: tags"):
        open_sweep(url=f"s3://{bucket}", environ=aws.environment, metadata=_TAGS).tick()


def test_in_a_versioned_bucket_a_delete_marker_is_a_deletion_and_its_removal_brings_the_document_back(
    open_sweep: OpenSweep, aws: AwsAnswers, bucket: str, catalog: Catalog
) -> None:
    s3 = aws.client()
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    asked = {"url": f"s3://{bucket}", "environ": aws.environment, "metadata": _TAGS}
    for body in (b"one", b"two"):
        s3.put_object(Bucket=bucket, Key="a.txt", Body=body)
        assert complete(open_sweep(**asked)).recorded == 1
    s3.put_object(Bucket=bucket, Key="keep.txt", Body=b"x")
    assert complete(open_sweep(**asked)).recorded == 1
    marker = s3.delete_object(Bucket=bucket, Key="a.txt")["VersionId"]
    assert open_sweep(**asked)._store.tags("a.txt") == {}
    assert complete(open_sweep(**asked)).deleted == 1
    assert list(_known(catalog)) == ["keep.txt"]
    s3.delete_object(Bucket=bucket, Key="a.txt", VersionId=marker)
    assert complete(open_sweep(**asked)).recorded == 1
    assert list(_known(catalog)) == ["a.txt", "keep.txt"]


@pytest.mark.parametrize(("status", "says"), [(503, "503 SlowDown"), (403, "403 AccessDenied.*credentials")])
def test_a_bucket_that_throttles_or_denies_its_listing_fails_the_tick_and_deletes_nothing(
    open_sweep: OpenSweep, aws: AwsAnswers, bucket: str, catalog: Catalog, status: int, says: str
) -> None:
    s3 = aws.client()
    for number in range(6):
        s3.put_object(Bucket=bucket, Key=f"{number}.txt", Body=b"x")
    asked = {"url": f"s3://{bucket}", "environ": aws.environment, "keys_per_tick": 100, "page_keys": 2}
    complete(open_sweep(**asked))
    s3.delete_object(Bucket=bucket, Key="0.txt")
    aws.faults["list-type=2"] = status
    with pytest.raises(DependencyUnavailable, match=says) as away:
        open_sweep(**asked).tick()
    assert not isinstance(away.value, RootMissing)
    assert len(_known(catalog)) == 6
    assert not catalog.sources.stopped("notes")
    aws.faults.clear()
    tick = complete(open_sweep(**asked))
    assert (tick.deleted, tick.recorded) == (1, 0)


def test_an_object_that_is_listed_and_may_not_be_read_is_recorded_for_a_run_to_say_so(
    open_sweep: OpenSweep, aws: AwsAnswers, bucket: str, catalog: Catalog
) -> None:
    s3 = aws.client()
    for key in ("a.txt", "b.txt"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    aws.faults[f"/{bucket}/a.txt"] = 403
    assert complete(open_sweep(url=f"s3://{bucket}", environ=aws.environment)).recorded == 2


def test_a_bucket_that_is_gone_stops_red_with_nothing_deleted(
    open_sweep: OpenSweep, aws: AwsAnswers, bucket: str, catalog: Catalog
) -> None:
    s3 = aws.client()
    s3.put_object(Bucket=bucket, Key="a.txt", Body=b"x")
    complete(open_sweep(url=f"s3://{bucket}", environ=aws.environment))
    s3.delete_object(Bucket=bucket, Key="a.txt")
    s3.delete_bucket(Bucket=bucket)
    with pytest.raises(Exception, match="rag sources confirm notes landing"):
        open_sweep(url=f"s3://{bucket}", environ=aws.environment).tick()
    assert list(_known(catalog)) == ["a.txt"]
