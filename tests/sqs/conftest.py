"""moto's AWS for queues, topics, roles and secrets; SeaweedFS for objects; a fresh catalog and queue a test."""

import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
import yaml

from rag_core.arrivals import ArrivalState
from resources.clients.aws.sqs import SqsQueue
from resources.clients.catalog import Catalog
from resources.clients.collection_files import LoadedCollection, load_collections
from sensors.queue_audience import DeclaredQueue, declared_queues, open_audience
from sensors.queue_reading import QueueReader
from sensors.sweep import SourceSweep
from tests.services.seaweed import SeaweedServer
from tests.sources.aws_answers import AwsAnswers
from tests.sources.conftest import catalog, migrated, seaweed, server, url

__all__ = ["catalog", "migrated", "seaweed", "server", "url"]

REGION = "us-east-1"
_NUMBER = itertools.count()


class Aws(AwsAnswers):
    """moto's server of every service, with clients of it; it remembers who asked."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: set[str] = set()
        self.keys_seen: set[str] = set()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN")
        if token:
            self.tokens.add(token)
        found = re.search(r"Credential=([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        if found:
            self.keys_seen.add(found[1])
        return super()._answer(environ, start)

    def of(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name=REGION,
        )


@pytest.fixture(scope="session")
def moto() -> Iterator[Aws]:
    with Aws() as running:
        yield running


@pytest.fixture(scope="session")
def buckets() -> dict[str, str]:
    """Buckets of the session by what tests call them: a small SeaweedFS has room for a few dozen of them."""
    return {}


@pytest.fixture
def aws(moto: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """Give moto to this process's own clients, with nothing else of AWS in the environment."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", REGION)
    yield moto
    moto.faults.clear()


@dataclass(kw_only=True)
class Notified:
    """Buckets, a queue, and collections whose sources declare it."""

    aws: Aws
    seaweed: SeaweedServer
    catalog: Catalog
    folder: Any
    queue_url: str
    objects: Any
    buckets: dict[str, str]
    readers: list[QueueReader] = field(default_factory=list[QueueReader])

    def declare(self, collection: str, **sources: dict[str, Any]) -> None:
        """Write a collection; a source's ``bucket`` is made if it is not there."""
        declared = []
        for name, given in sources.items():
            own = dict(given)
            bucket = self.bucket(own.pop("bucket", name))
            prefix = own.pop("prefix", "")
            sqs = {"queue_url": self.queue_url, **own.pop("sqs", {})}
            declared.append(
                {
                    "name": name,
                    "url": f"s3://{bucket}/{prefix}",
                    "endpoint_env": "OBJECTS",
                    "notifications": {"sqs": sqs},
                    **own,
                }
            )
        (self.folder / f"{collection}.yaml").write_text(yaml.safe_dump({"name": collection, "sources": declared}))

    def bucket(self, name: str) -> str:
        if name not in self.buckets:
            self.buckets[name] = self.seaweed.create_bucket()
        return self.buckets[name]

    @property
    def database_url(self) -> str:
        return self.catalog._database.url.replace("+psycopg", "")

    def loaded(self) -> tuple[LoadedCollection, ...]:
        return load_collections(self.folder)

    def put(self, key: str, text: str = "some text", *, bucket: str = "landing") -> None:
        self.objects.put_object(Bucket=self.bucket(bucket), Key=key, Body=text.encode())

    def remove(self, key: str, *, bucket: str = "landing") -> None:
        self.objects.delete_object(Bucket=self.bucket(bucket), Key=key)

    def send(self, *bodies: str) -> None:
        client = self.aws.of("sqs")
        for start in range(0, len(bodies), 10):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
            client.send_message_batch(QueueUrl=self.queue_url, Entries=entries)

    def in_queue(self) -> tuple[int, int]:
        """Return how many messages wait, and how many were received and not deleted."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.aws.of("sqs").get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])

    def declared(self) -> DeclaredQueue:
        """Return the queue as a process that starts now has it declared."""
        queues, problems = declared_queues(self.loaded())
        assert not problems
        (declared,) = queues
        return declared

    def reader(self, declared: DeclaredQueue | None = None, **options: Any) -> QueueReader:
        """Return a reader as another process would have it, or as the one that knows ``declared`` opens it anew."""
        declared = declared or self.declared()
        reader = QueueReader(
            **{
                "queue": SqsQueue(declared.url, region=declared.region),
                "audience": open_audience(declared),
                "catalog": self.catalog,
                "max_receives": declared.max_receives,
                "swept_after_s": declared.swept_after_s,
                **options,
            }
        )
        self.readers.append(reader)
        return reader

    def sweep(self, collection: str = "notes", source: str = "landing") -> SourceSweep:
        from sensors.connections import open_sweep

        loaded = next(each for each in self.loaded() if each.collection.name == collection)
        return open_sweep(loaded, loaded.collection.bucket(source), self.catalog)

    def rows(self, statement: str) -> list[Any]:
        """Return what a statement finds in the catalog."""
        with self.catalog._database.transaction() as connection:
            from sqlalchemy import text

            result = connection.execute(text(statement))
            return list(result) if result.returns_rows else []

    def arrivals(self, collection: str = "notes") -> list[tuple[str, str]]:
        """Return key and presence of every arrival, in their order."""
        with self.catalog._database.transaction() as connection:
            from sqlalchemy import text

            rows = connection.execute(
                text("SELECT key, presence FROM arrivals WHERE collection = :name ORDER BY number"),
                {"name": collection},
            )
            return [(row.key, row.presence) for row in rows]

    def pending(self, collection: str = "notes") -> int:
        return self.catalog.queries.counts_by_state(collection).get(ArrivalState.PENDING, 0)


@pytest.fixture
def notified(
    aws: Aws,
    seaweed: SeaweedServer,
    catalog: Catalog,
    buckets: dict[str, str],
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Notified]:
    folder = tmp_path / "collections"
    folder.mkdir()
    for name, value in seaweed.environment.items():
        if name not in {"AWS_ENDPOINT_URL", "AWS_REGION"}:
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("OBJECTS", seaweed.endpoint)
    monkeypatch.setenv("RAG_HOME", str(tmp_path / "home"))
    queue_url = aws.of("sqs").create_queue(QueueName=f"landing-{next(_NUMBER)}")["QueueUrl"]
    made = Notified(
        aws=aws,
        seaweed=seaweed,
        catalog=catalog,
        folder=folder,
        queue_url=queue_url,
        objects=seaweed.client(),
        buckets=buckets,
    )
    yield made
    for bucket in buckets.values():
        for each in made.objects.list_objects_v2(Bucket=bucket).get("Contents", []):
            made.objects.delete_object(Bucket=bucket, Key=each["Key"])
    made.objects.close()
    for reader in made.readers:
        reader.close()
