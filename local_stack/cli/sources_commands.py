"""``rag sources``: which sources stopped red, and letting them go on."""

import getpass
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from local_stack.cli.options import Json
from rag_core.errors import ConfigurationError, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Collection

    from rich.text import Text

    from rag_core.collection import BucketSource
    from resources.clients.catalog import Catalog
    from resources.clients.catalog.values import PartitionLimits, Stop
    from resources.clients.collection_files import LoadedCollection
    from resources.clients.settings import Settings

app = typer.Typer()
sources = typer.Typer(help="Sources, those that stopped, and letting them go on.")
app.add_typer(sources, name="sources")

_DEFAULT_SIZE, _DEFAULT_BYTES = 512, 256 * 1024 * 1024


@sources.callback(invoke_without_command=True)
def listed_by_default(ctx: typer.Context) -> None:
    """List sources when nothing else is asked for."""
    if ctx.invoked_subcommand is None:
        list_(as_json=False)


@sources.command("list")
def list_(*, as_json: Json = False) -> None:
    """List every declared source and stream, and every one that waits for a person."""
    from rich.table import Table
    from rich.text import Text

    from local_stack.cli.printing import console, plain, print_json, print_table, visible

    rows = _rows()
    if as_json:
        print_json({"sources": rows})
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("collection", "source", "state", "location", "reason"):
        table.add_column(column, overflow="fold")
    for row in rows:
        state, reason = _state(row)
        said = Text(" ".join(plain(reason).split()))
        table.add_row(row["collection"], row["source"], state, Text(visible(row["location"])), said)
    print_table(table)
    if any(row["stopped"] for row in rows):
        console().print("'rag sources confirm COLLECTION SOURCE' lets a stopped source go on.")


def _state(row: dict[str, Any]) -> "tuple[Text, str]":
    """Return a source's state, and why it is in it: the worst of what is known."""
    from rich.text import Text

    if stop := row["stopped"]:
        return Text(f"stopped: {stop['kind']}", style="red"), stop["reason"]
    if failing := row["failing"]:
        if failing["since"] is None:
            return Text("not swept yet", style="yellow"), failing["reason"]
        return Text("failing", style="red"), f"failing since {failing['since']}: {failing['reason']}"
    return (Text("not read", style="yellow"), row["unread"]) if row["unread"] else (Text("ok", style="green"), "")


@sources.command()
def confirm(
    collection: Annotated[str, typer.Argument(help="Collection.")],
    source: Annotated[str, typer.Argument(help="Source that stopped.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Let a stopped source go on: exactly what is shown is let through, such as the deletion of those documents."""
    from local_stack.cli.printing import console, plain, print_json
    from query_api.shapes.stops import stopped
    from resources.clients.catalog import open_catalog
    from resources.clients.settings import load_settings

    settings = load_settings()
    with open_catalog(settings.require("database_url")) as catalog:
        stops = catalog.sources.stopped(collection, source)
        if not stops:
            raise InvalidRequest(
                f"Source {source!r} of {collection!r} is not stopped.", remedy="'rag sources list' shows which are."
            )
        stop = stops[0]
        if not as_json:
            console().print(plain(f"{stop.kind.value}: {stop.reason}"))
            for name, value in stop.detail.items():
                console().print(plain(f"  {name}: {value}"))
        if not yes:
            _ask(stop)
        done = catalog.sources.confirm(stop.id, by=getpass.getuser(), limits=_limits(settings, collection))
    if as_json:
        print_json({"confirmed": stopped(stop).model_dump(mode="json"), "recorded": done.new})
    else:
        console().print(f"Confirmed; {done.new} changes recorded.")


def _ask(stop: "Stop") -> None:
    if not sys.stdin.isatty():
        raise InvalidRequest("Nobody can be asked here.", remedy="Look at 'rag sources list', then say --yes.")
    if not typer.confirm(f"Let source {stop.source} of {stop.collection} go on?", err=True):
        raise typer.Exit(1)


def _rows() -> list[dict[str, Any]]:
    from query_api.shapes.stops import stopped
    from resources.clients.catalog import open_catalog
    from resources.clients.collection_files import usable_collections
    from resources.clients.settings import load_settings

    settings = load_settings()
    usable, _ = usable_collections(settings.collections)
    declared: dict[tuple[str, str], dict[str, str]] = {
        (each.collection.name, source.name): {"url": source.url, "location": _location(settings, each, source)}
        for each in usable
        for source in each.collection.sources
    }
    streams: dict[tuple[str, str], dict[str, str]] = {
        (each.collection.name, stream.name): dict.fromkeys(
            ("url", "location"), f"kafka://{each.collection.kafka.cluster}/{','.join(stream.topics)}"
        )
        for each in usable
        if each.collection.kafka is not None
        for stream in each.collection.streams
    }
    declared |= streams
    with open_catalog(settings.require("database_url")) as catalog:
        names = sorted({name for name, _ in declared} | set(catalog.queries.collections()))
        stops = {(stop.collection, stop.source): stop for name in names for stop in catalog.sources.stopped(name)}
        failing = _failing(catalog, declared.keys() - streams.keys())
        unread = {place: _unread(catalog, *place) for place in streams} | {
            (each.collection.name, source.name): _queue_unread(catalog, each.collection.name, source.name)
            for each in usable
            for source in each.collection.sources
            if source.notifications is not None
        }
    return [
        {
            "collection": collection,
            "source": source,
            **declared.get((collection, source), {"url": "", "location": ""}),
            "stopped": stopped(stop).model_dump(mode="json") if (stop := stops.get((collection, source))) else None,
            "unread": unread.get((collection, source), ""),
            "failing": failing.get((collection, source)),
        }
        for collection, source in sorted(declared.keys() | stops.keys())
    ]


def _unread(catalog: "Catalog", collection: str, stream: str) -> str:
    """Return why a declared stream is not read at present; empty where it is."""
    trouble = catalog.stream_troubles.current(collection).get(stream)
    if trouble is not None:
        return f"since {trouble.since.isoformat(timespec='seconds')}: {trouble.reason}"
    return "" if catalog.recording.position(collection, stream).version else "not read yet: see 'rag logs listener'"


def _queue_unread(catalog: "Catalog", collection: str, source: str) -> str:
    """Return why the queue of a source is not read at present, while its sweeps go on; empty where it is."""
    trouble = catalog.stream_troubles.current(collection).get(source)
    return "" if trouble is None else f"its queue since {trouble.since.isoformat(timespec='seconds')}: {trouble.reason}"


def _failing(
    catalog: "Catalog", places: "Collection[tuple[str, str]]"
) -> "dict[tuple[str, str], dict[str, str | None]]":
    """Return why declared sources are not swept at present, and since when; those that are swept are left out."""
    troubles = {(trouble.collection, trouble.source): trouble for trouble in catalog.sources.unswept()}
    looked_at = {name: catalog.sources.accounted(name) for name in {collection for collection, _ in places}}
    failing: dict[tuple[str, str], dict[str, str | None]] = {}
    for collection, source in places:
        if trouble := troubles.get((collection, source)):
            failing[collection, source] = {
                "reason": trouble.reason,
                "since": trouble.since.isoformat(timespec="seconds"),
                "swept_at": None if trouble.swept_at is None else trouble.swept_at.isoformat(timespec="seconds"),
            }
        elif source not in looked_at[collection] and not catalog.recording.position(collection, source).version:
            reason = f"No tick of its sensor sweep_{collection}_{source} has looked at it: see whether it is on."
            failing[collection, source] = {"reason": reason, "since": None, "swept_at": None}
    return failing


def _location(settings: "Settings", loaded: "LoadedCollection", source: "BucketSource") -> str:
    """Return where a source really lies: the folder's absolute path, or the bucket's URL."""
    from resources.clients.object_store import location_of

    try:
        found = location_of(source, loaded.base_dir, environ={**os.environ, "RAG_HOME": str(settings.home)})
    except ConfigurationError:
        return source.url
    return str(found) if source.is_folder else f"s3://{found}"


def _limits(settings: "Settings", collection: str) -> "PartitionLimits":
    """Return the collection's block limits; the defaults where its file is gone, for then deletions must still pass."""
    from resources.clients.catalog.values import PartitionLimits
    from resources.clients.collection_files import load_collection

    try:
        declared = load_collection(settings.collections, collection).collection
    except ConfigurationError:
        return PartitionLimits(size=_DEFAULT_SIZE, bytes=_DEFAULT_BYTES)
    return PartitionLimits(size=declared.partition_size, bytes=declared.partition_bytes)
