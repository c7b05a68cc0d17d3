"""A change of object tags alone, found by the real sweep: rights and metadata are written, nothing is embedded."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag_core.index_spec import Payload
from resources.clients.object_store import open_store
from sensors.sweep import SourceSweep
from sensors.sweep_tick import TickEnd
from tests.pipeline.corpus import Corpus, paragraphs
from tests.services.seaweed import SeaweedServer
from tests.sources.aws_answers import AwsAnswers


@pytest.fixture(params=["aws", "seaweed"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsAnswers | SeaweedServer]:
    with AwsAnswers() if request.param == "aws" else SeaweedServer() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


def _sweep(corpus: Corpus) -> int:
    [source] = corpus.collection.sources
    source = source.model_copy(update={"sweep": source.sweep.model_copy(update={"interval_s": -1e9})})
    tick = SourceSweep(
        collection=corpus.collection,
        source=source,
        base_dir=Path("/"),
        store=open_store(source, Path("/")),
        catalog=corpus.catalog,
    ).tick()
    assert tick.end is TickEnd.COMPLETE
    return tick.recorded


def test_changed_tags_write_rights_and_metadata_and_embed_nothing(
    corpus: Corpus, server: AwsAnswers | SeaweedServer
) -> None:
    s3, bucket = server.client(), f"test-{uuid.uuid4().hex[:10]}"
    s3.create_bucket(Bucket=bucket)
    rules = [{"from": "tags", "fields": ["team", "allowed_groups"]}]
    corpus.changed = {"sources": [{"name": "folder", "url": f"s3://{bucket}/in", "metadata": rules}]}
    s3.put_object(Bucket=bucket, Key="in/a.md", Body=paragraphs("apple", "pear").encode(), Tagging="team=growers")
    assert _sweep(corpus) == 1
    corpus.run()
    asked = len(corpus.embedder.embedded)
    assert {payload[Payload.METADATA]["team"] for payload, _, _ in corpus.points().values()} == {"growers"}
    tags = [{"Key": "team", "Value": "pickers"}, {"Key": "allowed_groups", "Value": "red blue"}]
    s3.put_object_tagging(Bucket=bucket, Key="in/a.md", Tagging={"TagSet": tags})
    assert _sweep(corpus) == 1
    [report] = corpus.run()
    assert len(corpus.embedder.embedded) == asked
    assert (report.counts.embedded, report.counts.points_written, report.counts.parsed) == (0, 0, 0)
    assert report.counts.documents_described == 1
    payloads = [payload for payload, _, _ in corpus.points().values()]
    assert payloads
    assert {payload[Payload.METADATA]["team"] for payload in payloads} == {"pickers"}
    assert {tuple(payload[Payload.ALLOWED_GROUPS]) for payload in payloads} == {("blue", "red")}
    assert (_sweep(corpus), corpus.run()) == (0, [])
