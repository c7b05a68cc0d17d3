"""``rag replay``: record again what a range of a topic's partition holds."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from local_stack.cli.options import Json
from rag_core.errors import InvalidRequest

if TYPE_CHECKING:
    from rag_core.kafka import Stream
    from resources.clients.collection_files import LoadedCollection
    from resources.clients.kafka.reading import KafkaReader
    from sensors.replaying import Replayed

app = typer.Typer()


@app.command()
def replay(
    collection: Annotated[str, typer.Argument(help="Collection that reads the topic.")],
    topic: Annotated[str, typer.Option("--topic", help="Topic.")],
    *,
    partition: Annotated[int | None, typer.Option("--partition", help="Partition; default all.", min=0)] = None,
    begin: Annotated[str, typer.Option("--from", help="Offset, or time such as 2026-11-21T08:00; default all.")] = "",
    end: Annotated[str, typer.Option("--to", help="Offset or time to end before; default: where we are.")] = "",
    as_json: Json = False,
) -> None:
    """Record again what a range of a topic holds: made by today's mapping, and never older text over newer."""
    from local_stack.cli.bars import step_bars
    from local_stack.cli.printing import console, print_json
    from resources.clients.catalog import open_catalog
    from resources.clients.collection_files import load_collection
    from resources.clients.settings import load_settings
    from sensors.streams import open_replay

    settings = load_settings()
    loaded = load_collection(settings.collections, collection)
    stream = _stream_of(loaded, topic)
    done: list[tuple[int, Replayed]] = []
    with open_catalog(settings.require("database_url")) as catalog:
        replaying, reader = open_replay(loaded, stream, catalog)
        with reader, step_bars(show=not as_json) as step:
            for number in _partitions(reader, topic, partition):
                first, until = (_offset(reader, topic, number, word) for word in (begin, end))

                def said(now: "Replayed", name: str = f"{topic}/{number}") -> None:
                    step(name, now.at - now.first, now.end - now.first)

                done.append((number, replaying.replay((topic, number), first=first, end=until, said=said)))
    if as_json:
        print_json({"topic": topic, "partitions": [_shown(number, report) for number, report in done]})
        return
    for number, report in done:
        console().print(
            f"{topic}/{number}: offsets {report.first} to {report.end - 1}: {report.read} messages, {report.recorded} "
            f"recorded again, {report.superseded} older than what is known, {report.dead} dead letters"
        )


def _stream_of(loaded: "LoadedCollection", topic: str) -> "Stream":
    for stream in loaded.collection.streams:
        if topic in stream.topics:
            return stream
    known = sorted(topic for stream in loaded.collection.streams for topic in stream.topics)
    raise InvalidRequest(
        f"The collection {loaded.collection.name!r} reads no topic {topic!r}.",
        remedy=f"It reads {', '.join(known) or 'none'}.",
    )


def _partitions(reader: "KafkaReader", topic: str, partition: int | None) -> list[int]:
    now = reader.describe([topic]).get(topic)
    if now is None:
        raise InvalidRequest(f"There is no topic {topic!r}.", remedy="Look at its brokers.")
    if partition is not None and partition not in now.offsets:
        raise InvalidRequest(
            f"{topic} has no partition {partition}.", remedy=f"It has {len(now.offsets)}, numbered from 0."
        )
    return sorted(now.offsets) if partition is None else [partition]


def _offset(reader: "KafkaReader", topic: str, partition: int, word: str) -> int | None:
    """Return what a person wrote as an offset: a number, or a time's first offset (None: beyond the last message)."""
    if not word:
        return None
    if word.isdecimal():
        return int(word)
    try:
        at = datetime.fromisoformat(word)
    except ValueError as error:
        raise InvalidRequest(
            f"{word!r} is neither an offset nor a time.", remedy="Write 1234, or 2026-11-21T08:00 (UTC unless it says)."
        ) from error
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    found = reader.offset_at(topic, partition, int(at.timestamp() * 1000))
    return reader.describe([topic])[topic].offsets[partition][1] if found is None else found


def _shown(number: int, report: "Replayed") -> dict[str, object]:
    from dataclasses import asdict

    return {"partition": number, **asdict(report)}
