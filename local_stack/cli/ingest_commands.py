"""``rag ingest``."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from local_stack.cli.options import Json
from rag_core.arrivals import ArrivalState
from rag_core.errors import InvalidRequest

if TYPE_CHECKING:
    from local_stack.ingesting import Followed, GivenFile, GivenFiles, Put
    from rag_core.collection import BucketSource
    from resources.clients.catalog import Catalog
    from resources.clients.collection_files import LoadedCollection
    from resources.clients.object_store import ObjectStore
    from resources.clients.settings import Settings

app = typer.Typer()

_SKIPPED_SHOWN = 20


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files, and folders with all that is in them.")],
    *,
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", help="Collection; may be left out when there is only one.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Source that takes the files; default inbox, or that of the uploads.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow each file to its end.")] = True,
    timeout: Annotated[float, typer.Option(min=0, max=86_400, help="Seconds to wait at most.")] = 600,
    as_json: Json = False,
) -> None:
    """Copy files into a collection's inbox and say what became of each. Exit code 1 if any failed or is not done."""
    from local_stack.cli.bars import step_bars
    from local_stack.ingesting import follow, given_files, is_sidecar, put_file, receiving_source
    from resources.clients.catalog import open_catalog
    from resources.clients.settings import load_settings

    settings = load_settings()
    loaded = _collection(settings, collection)
    takes = receiving_source(loaded, source)
    given = given_files(paths, takes)
    if not given.files:
        raise InvalidRequest("There is no file to ingest.", remedy=_skipped_line(given) or "The folder is empty.")
    with ExitStack() as closing:
        catalog = closing.enter_context(open_catalog(settings.require("database_url")))
        store = _store(settings, loaded, takes)
        progress = closing.enter_context(step_bars(show=not as_json))
        puts = _put_all(given.files, takes, loaded.collection.name, catalog, store, progress, put_file, is_sidecar)
        followed = None
        if wait:
            followed = follow(catalog, puts, timeout_s=timeout, seen=lambda done: progress("reading", done, len(puts)))
    if followed is None:
        _show_put(puts, given, as_json=as_json)
        return
    raise typer.Exit(_show_outcomes(settings, puts, followed, given, as_json=as_json))


def _collection(settings: "Settings", named: str | None) -> "LoadedCollection":
    from resources.clients.collection_files import load_collection, usable_collections

    if named is not None:
        return load_collection(settings.collections, named)
    usable, _ = usable_collections(settings.collections)
    if len(usable) == 1:
        return usable[0]
    names = ", ".join(each.collection.name for each in usable) or "none"
    raise InvalidRequest("Which collection?", remedy=f"Say --collection NAME; there are: {names}.")


def _store(settings: "Settings", loaded: "LoadedCollection", source: "BucketSource") -> "ObjectStore":
    """Return the source's store; a folder that may be made is made."""
    import os

    from resources.clients.object_store import location_of, open_store

    environ = {**settings.aws_environment(), **os.environ, "RAG_HOME": str(settings.home)}
    location = location_of(source, loaded.base_dir, environ=environ)
    if isinstance(location, Path) and source.create:
        location.mkdir(parents=True, exist_ok=True)
    return open_store(source, loaded.base_dir, environ=environ)


def _put_all(
    files: "list[GivenFile]",
    source: "BucketSource",
    collection: str,
    catalog: "Catalog",
    store: "ObjectStore",
    progress: Callable[[str, int, int], None],
    put_file: "Callable[..., Put]",
    is_sidecar: "Callable[[str, BucketSource], bool]",
) -> "list[Put]":
    puts: list[Put] = []
    for number, given in enumerate(files, start=1):
        if is_sidecar(given.key, source):
            store.put(given.key, given.path)
        else:
            puts.append(put_file(store, catalog, collection, given))
        progress("copying", number, len(files))
    return puts


def _show_put(puts: "list[Put]", given: "GivenFiles", *, as_json: bool) -> None:
    from local_stack.cli.printing import console, print_json, visible

    if as_json:
        put = [{"key": put.key, "document_id": str(put.document_id)} for put in puts]
        print_json({"put": put, **_skipped_members(given)})
        return
    for put in puts:
        console().print(visible(put.key))
    console().print(f"{len(puts)} copied; rag documents shows what becomes of them.")
    _show_skipped(given)


def _show_outcomes(
    settings: "Settings", puts: "list[Put]", followed: "Followed", given: "GivenFiles", *, as_json: bool
) -> int:
    """Print what became of each file; return the exit code."""
    from local_stack.cli.printing import console, print_documents, print_json, visible
    from query_api.links import Links
    from query_api.shapes.documents import summary

    links = Links(settings.dagster_url)
    rows = [followed.documents[put.document_id] for put in puts if put.document_id in followed.documents]
    shown = [summary(row, links).model_dump(mode="json") for row in rows]
    waiting = [put.key for put in puts if put.document_id in followed.waiting]
    failed = any(row.state is ArrivalState.QUARANTINED for row in rows)
    if as_json:
        print_json({"documents": shown, "waiting": waiting, **_skipped_members(given)})
    else:
        if shown:
            print_documents(shown)
        for key in waiting:
            console().print(f"not done yet: {visible(key)}", style="yellow")
        if waiting:
            console().print("They go on without this command; 'rag documents' and 'rag sources' say where they are.")
        _show_skipped(given)
    return 1 if failed or waiting else 0


def _skipped_members(given: "GivenFiles") -> dict[str, Any]:
    from local_stack.cli.printing import visible

    named = [{"path": visible(each.path), "reason": each.reason} for each in given.skipped]
    return {"skipped": named, "skipped_total": given.number_skipped}


def _show_skipped(given: "GivenFiles") -> None:
    from local_stack.cli.printing import console

    if given.number_skipped:
        console().print(_skipped_line(given), style="yellow")


def _skipped_line(given: "GivenFiles") -> str:
    """Return how many were left out and the first of them, each with its reason; empty without any."""
    from local_stack.cli.printing import visible

    if not given.number_skipped:
        return ""
    named = [f"{visible(each.path)} ({each.reason})" for each in given.skipped[:_SKIPPED_SHOWN]]
    more = given.number_skipped - len(named)
    return f"Skipped {given.number_skipped}: {', '.join(named)}{f' and {more} more' if more else ''}."
