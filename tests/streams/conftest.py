"""A stream whose outcomes and dead letters go to topics of their own."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import QdrantClient

from rag_core.collection import Collection
from rag_core.kafka import Outcomes
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import DeadLetterFilter, DeadLetterRow
from resources.clients.kafka.sending import OutboxSender
from resources.clients.parsing import ParserSandbox
from sensors.dead_letter_replay import DeadLetterReplay, ReplayedLetter
from tests.consuming.conftest import Streamed
from tests.pipeline.conftest import catalog, client, database_url, edge, migrated, parser, postgres
from tests.services.kafka_topics import KafkaTopics

__all__ = ["catalog", "client", "database_url", "edge", "migrated", "parser", "postgres"]


@dataclass(kw_only=True)
class Announcing(Streamed):
    """A streamed corpus that tells what became of its documents."""

    outcomes: str | None

    @property
    def collection(self) -> Collection:
        plain = super().collection
        assert plain.kafka is not None
        topic = None if self.outcomes is None else Outcomes(topic=self.outcomes)
        return plain.model_copy(update={"kafka": plain.kafka.model_copy(update={"outcomes": topic})})

    def send_outbox(self) -> int:
        """Send what waits, with a connection of its own."""
        kafka = self.collection.kafka
        assert kafka is not None
        with closing(OutboxSender(self.catalog, collection=self.name, kafka=kafka)) as sender:
            return sender.send_waiting(max_s=30)

    def events(self) -> list[dict[str, Any]]:
        """Return the events of the topic of outcomes."""
        assert self.outcomes is not None
        return [json.loads(record.value or b"") for record in self.kafka.read_all(self.outcomes)]

    def letters(self, **which: Any) -> list[DeadLetterRow]:
        """Return dead letters, the oldest first."""
        found = self.catalog.dead_letters.page(DeadLetterFilter(collection=self.name, **which), limit=1000)
        return found.letters[::-1]

    def replay(self, letter: int) -> ReplayedLetter:
        """Replay a dead letter, by the collection as it is declared now."""
        found = self.catalog.dead_letters.find(letter)
        assert found is not None
        with DeadLetterReplay(self.loaded(), self.catalog) as replay:
            return replay.replay(found)


@pytest.fixture
def announcing(
    catalog: Catalog, client: QdrantClient, parser: ParserSandbox, tmp_path: Path, kafka: KafkaTopics
) -> Iterator[Announcing]:
    topic = kafka.create_topic(partitions=2, max_message_bytes=str(4 * 1024 * 1024))
    kafka.create_topic(f"{topic}.dlq")
    made = Announcing(
        root=tmp_path,
        catalog=catalog,
        client=client,
        parser=parser,
        kafka=kafka,
        topic=topic,
        outcomes=kafka.create_topic(),
    )
    yield made
    for reader in made.opened:
        reader.close()


@pytest.fixture
def rag(announcing: Announcing, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the command line on the stream's catalog and collection file; return the exit code."""
    import sys

    from local_stack.cli.main import main

    monkeypatch.setenv("RAG_HOME", str(announcing.root / "home"))
    monkeypatch.setenv("RAG_COLLECTIONS", str(announcing.root / "collections"))
    monkeypatch.setenv("RAG_DATABASE_URL", database_url)

    def run(*words: str) -> int:
        announcing.loaded()
        monkeypatch.setattr(sys, "argv", ["rag", *words])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    return run
