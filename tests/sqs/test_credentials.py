"""Credentials by the standard chain, for queues and objects alike; settings that name secrets."""

import sys
from pathlib import Path
from typing import Any

import pytest

from rag_core.collection import BucketSource
from rag_core.errors import ConfigurationError, DependencyUnavailable
from resources.clients.aws import secrets
from resources.clients.aws.sqs import SqsQueue, region_of_host
from resources.clients.object_store import ObjectStore, open_store
from resources.clients.part_folders import BucketFolder
from resources.clients.settings import load_settings
from tests.sqs.conftest import Aws

ROLE = "arn:aws:iam::123456789012:role/rag-ingestion"


@pytest.fixture
def bucket(aws: Aws) -> str:
    aws.of("s3").create_bucket(Bucket="chain")
    aws.of("s3").put_object(Bucket="chain", Key="a.txt", Body=b"text")
    return "chain"


def objects(aws: Aws, bucket: str) -> ObjectStore:
    source = BucketSource(name="landing", url=f"s3://{bucket}")
    return open_store(source, Path(), environ={"AWS_ENDPOINT_URL": aws.endpoint})


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Leave nothing that says who we are; return a folder for what shall."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


def test_a_pod_with_a_role_reads_queue_and_bucket_by_its_web_identity(
    aws: Aws, bucket: str, no_keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = aws.of("sqs").create_queue(QueueName="by-role")["QueueUrl"]
    (no_keys / "token").write_text("header.payload.signature")
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(no_keys / "token"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.endpoint)
    aws.tokens.clear()
    aws.keys_seen.clear()
    assert SqsQueue(url).receive(wait_s=0) == []
    assert len(aws.tokens) == 1
    info = objects(aws, bucket).head("a.txt")
    assert info is not None
    assert info.size_bytes == 4
    parts = BucketFolder(f"s3://{bucket}/parts", environ={"AWS_ENDPOINT_URL": aws.endpoint})
    assert parts.write("part-1", lambda sink: sink.write(b"rows")) == 4
    assert parts.open("part-1").read() == b"rows"
    assert len(aws.tokens) == 3  # each asked STS for its own: all of them were temporary
    assert aws.keys_seen.isdisjoint({"test"})


def test_a_profile_is_enough(aws: Aws, bucket: str, no_keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (no_keys / "credentials").write_text(
        "[team]\naws_access_key_id = of-team\naws_secret_access_key = s\naws_session_token = of-team-token\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "team")
    aws.keys_seen.clear()
    aws.tokens.clear()
    assert objects(aws, bucket).head("a.txt") is not None
    assert (aws.keys_seen, aws.tokens) == ({"of-team"}, {"of-team-token"})


def test_no_credentials_at_all_say_so(aws: Aws, bucket: str, no_keys: Path) -> None:
    with pytest.raises(ConfigurationError, match="no AWS credentials"):
        SqsQueue(f"{aws.endpoint}/123456789012/nothing").receive(wait_s=0)
    with pytest.raises(DependencyUnavailable):
        objects(aws, bucket).head("a.txt")


def test_keys_of_the_environment_need_no_botocore(aws: Aws, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] == "botocore"]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, "botocore", None)
    environ = {"AWS_ENDPOINT_URL": aws.endpoint, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    source = BucketSource(name="landing", url=f"s3://{bucket}")
    assert open_store(source, Path(), environ=environ).head("a.txt") is not None
    with pytest.raises(ConfigurationError, match="botocore, which is not installed") as refused:
        SqsQueue(f"{aws.endpoint}/1/q", region="us-east-1").receive(wait_s=0)
    assert "rag-assets[aws]" in refused.value.remedy


def test_the_region_is_the_url_s_unless_one_is_named() -> None:
    assert region_of_host("sqs.eu-central-1.amazonaws.com") == "eu-central-1"
    assert region_of_host("sqs.cn-north-1.amazonaws.com.cn") == "cn-north-1"
    assert region_of_host("eu-west-1.queue.amazonaws.com") == "eu-west-1"
    assert region_of_host("localhost") is None


@pytest.fixture
def stored(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.endpoint)
    monkeypatch.setenv("RAG_HOME", str(tmp_path))
    monkeypatch.setattr(secrets, "_KEPT", {})
    client = aws.of("secretsmanager")
    client.create_secret(Name="rag/db", SecretString='{"url": "postgresql://app:first@db/rag", "port": 5432}')
    client.create_secret(Name="rag/plain", SecretString="a plain key")
    yield client
    for name in ("rag/db", "rag/plain"):
        client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def test_a_setting_may_name_a_secret_or_a_field_of_one(stored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = stored.describe_secret(SecretId="rag/db")["ARN"]
    monkeypatch.setenv("RAG_DATABASE_URL", f"aws-secret:{arn}#url")
    monkeypatch.setenv("RAG_QDRANT_API_KEY", "aws-secret:rag/plain")
    settings = load_settings(with_stack=False)
    assert (settings.database_url, settings.qdrant_api_key) == ("postgresql://app:first@db/rag", "a plain key")
    assert "first" not in repr(settings)


def test_a_rotated_secret_is_seen_and_an_outage_keeps_the_last(
    aws: Aws, stored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked_at(seconds: float) -> str:
        return secrets.resolved_secret("aws-secret:rag/db#url", setting="RAG_DATABASE_URL", clock_s=seconds)

    assert asked_at(0) == "postgresql://app:first@db/rag"
    stored.put_secret_value(SecretId="rag/db", SecretString='{"url": "postgresql://app:second@db/rag"}')
    assert asked_at(299).endswith("first@db/rag")
    assert asked_at(301).endswith("second@db/rag")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    assert asked_at(1000).endswith("second@db/rag")


def test_credentials_that_are_not_found_for_a_moment_keep_a_known_secret_and_say_so(
    stored: Any, no_keys: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def asked_at(seconds: float) -> str:
        return secrets.resolved_secret("aws-secret:rag/plain", setting="RAG_QDRANT_API_KEY", clock_s=seconds)

    with monkeypatch.context() as known:
        known.setenv("AWS_ACCESS_KEY_ID", "test")
        known.setenv("AWS_SECRET_ACCESS_KEY", "test")
        assert asked_at(0) == "a plain key"
    assert asked_at(1000) == "a plain key"
    assert "no AWS credentials" in caplog.text
    assert "a plain key" not in caplog.text
    monkeypatch.setattr(secrets, "_KEPT", {})
    with pytest.raises(ConfigurationError, match="no AWS credentials"):
        asked_at(2000)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("aws-secret:rag/none", "there is no secret rag/none"),
        ("aws-secret:rag/db#password", "no field 'password'"),
        ("aws-secret:rag/plain#url", "no field 'url'"),
        ("aws-secret:", "names no secret"),
        ("aws-secret:rag/plain", "must be a URL that begins with postgresql"),
    ],
)
def test_what_a_reference_does_not_find_is_said_by_name_and_without_the_secret(
    stored: Any, monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.setenv("RAG_DATABASE_URL", value)
    with pytest.raises(ConfigurationError, match=said) as refused:
        load_settings(with_stack=False)
    assert "RAG_DATABASE_URL" in str(refused.value)
    assert "plain key" not in str(refused.value)
    assert "first" not in str(refused.value)


def test_secrets_manager_away_is_an_outage(stored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    monkeypatch.setenv("RAG_DATABASE_URL", "aws-secret:rag/db#url")
    with pytest.raises(DependencyUnavailable, match="RAG_DATABASE_URL"):
        load_settings(with_stack=False)
