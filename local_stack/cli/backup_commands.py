"""``rag backup`` and ``rag restore``."""

import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from local_stack.cli.options import Json
from rag_core.errors import InvalidRequest

if TYPE_CHECKING:
    from recovery.auditing_all import Audited
    from recovery.backup_folder import BackupFolder
    from recovery.partition_keys import KeysMade
    from recovery.restoring import Restored
    from resources.clients.collection_files import LoadedCollection
    from resources.clients.settings import Settings

app = typer.Typer()

Place = Annotated[str, typer.Argument(metavar="DIR", help="Folder or s3:// prefix of the backup.")]


@app.command()
def backup(
    place: Place,
    *,
    replace: Annotated[bool, typer.Option(help="Give up the backup of another platform, or database, in DIR.")] = False,
    verify: Annotated[bool, typer.Option(help="Read back every file that DIR keeps, not a tenth each day.")] = False,
    as_json: Json = False,
) -> None:
    """Copy catalog and Parquet of one moment into DIR while everything goes on; a second time only what is new."""
    from local_stack.cli.printing import console, print_json
    from recovery.backing_up import back_up
    from recovery.manifest import total_bytes
    from recovery.opened import opened
    from resources.clients.settings import load_settings

    os.umask(0o077)  # documents, and hashes of keys: their owner's alone
    settings = load_settings()
    with opened(settings) as tools:
        done = back_up(tools, _folder(settings, place, make=True), replace=replace, verify=verify, say=_say)
    manifest = done.manifest
    held = {"tables": len(manifest.tables), "parquet_files": len(manifest.parts)}
    held |= {"parquet_bytes": total_bytes(manifest.parts), "rows": sum(table.rows for table in manifest.tables)}
    copied = {"copied_files": done.copied_files, "copied_bytes": done.copied_bytes}
    if as_json:
        print_json({"backup": manifest.id, "place": place, "schema": manifest.schema, **held, **copied})
        return
    console().print(
        f"Backup {manifest.id}: {held['rows']:,} rows of the catalog, {held['parquet_files']:,} Parquet files "
        f"({held['parquet_bytes']:,} bytes), of which {done.copied_files:,} were copied now."
    )


@app.command()
def restore(
    place: Place,
    *,
    only: Annotated[
        Literal["parquet"] | None,
        typer.Option(help="Bring back only missing or damaged Parquet files that the present catalog names."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A collection that no file declares: its index is given up."),
    ] = None,
    without_damaged: Annotated[
        bool, typer.Option("--without-damaged", help="Go on without Parquet files that are damaged in DIR.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a catalog is replaced.")] = False,
    as_json: Json = False,
) -> None:
    """Put a backup in the place of what there is; starts the servers for it. Exit code of the audit at its end."""
    os.umask(0o077)
    if only == "parquet":
        raise typer.Exit(_restore_parts(place, as_json=as_json))
    from local_stack.servers_only import servers_only
    from recovery.restoring import check_backup, holds_a_catalog, restore
    from resources.clients.collection_files import load_collections
    from resources.clients.settings import load_settings

    # Before anything is touched: an index is dropped, and could not be made without its collection's file.
    collections = list(load_collections(load_settings(with_stack=False).collections))
    if not place.startswith("s3://"):  # before anything is started
        check_backup(_folder(load_settings(with_stack=False), place, make=False), parts=not without_damaged)
    with ExitStack() as closing:
        settings = closing.enter_context(servers_only(say=_say, with_s3=_needs_s3(place)))
        folder = _folder(settings, place, make=False)
        manifest = folder.manifest()
        if holds_a_catalog(settings) and not yes:
            _ask(manifest.made_at)
        done = restore(settings, folder, collections, without=without or (), without_damaged=without_damaged, say=_say)
        keys = _partition_keys(settings)
        audits = _audits(settings, collections)
    raise typer.Exit(_show(done, keys, audits, as_json=as_json))


def _restore_parts(place: str, *, as_json: bool) -> int:
    from local_stack.cli.printing import console, print_json
    from recovery.auditing_all import is_clean
    from recovery.bringing_back import restore_parts
    from resources.clients.collection_files import usable_collections
    from resources.clients.settings import load_settings

    settings = load_settings()
    copied = restore_parts(settings, _folder(settings, place, make=False), say=_say)
    collections, problems = usable_collections(settings.collections)
    for problem in problems:
        _say(f"left out: {problem}")
    audits = _audits(settings, list(collections))
    if as_json:
        left_out = [str(problem) for problem in problems]
        print_json({"parts_copied": copied, "left_out": left_out, **_audits_json(audits)})
    else:
        console().print(f"{copied} Parquet files brought back.")
        _show_audits(audits)
    return 0 if is_clean(audits) and not problems else 1


def _partition_keys(settings: "Settings") -> "KeysMade | None":
    """Make the partition keys where Dagster's storage is known; None where runs add them as they are asked for."""
    from local_stack.dagster_home import dagster_environment, dagster_home
    from recovery.partition_keys import make_partition_keys
    from resources.clients.catalog import open_catalog

    if "DAGSTER_HOME" not in os.environ:
        if not (dagster_home(settings) / "dagster.yaml").exists():
            _say("Dagster's storage is not known here (DAGSTER_HOME): its partition keys are added with the next runs.")
            return None
        os.environ.update(dagster_environment(settings))
    import dagster as dg

    with dg.DagsterInstance.get() as instance, open_catalog(settings.require("database_url")) as catalog:
        return make_partition_keys(catalog, instance)


def _audits(settings: "Settings", collections: "list[LoadedCollection]") -> "list[Audited]":
    """Audit every collection without its sources: what they hold by now the first sweeps record."""
    from recovery.auditing_all import audit
    from recovery.opened import opened

    with opened(settings) as tools:
        return [audit(loaded, tools, sources=False) for loaded in collections]


def _show(done: "Restored", keys: "KeysMade | None", audits: "list[Audited]", *, as_json: bool) -> int:
    from local_stack.cli.printing import console, print_json
    from recovery.auditing_all import is_clean

    left = sum(one.left for one in done.indexes.values())
    points = sum(one.points for one in done.indexes.values())
    if as_json:
        print_json(
            {
                "backup": done.manifest.id,
                "parts_copied": done.parts_copied,
                "points": points,
                "left_to_runs": left,
                "partition_keys": None if keys is None else {"added": keys.added, "deleted": keys.deleted},
                "not_declared": list(done.not_declared),
                "keys_back": done.keys_back,
                "goes_on_there": done.goes_on_there,
                **_audits_json(audits),
            }
        )
    else:
        out = console()
        out.print(
            f"Restored {done.manifest.id} of {done.manifest.made_at}: {done.parts_copied} Parquet files brought back, "
            f"{points:,} points written, {left} documents left to runs, "
            f"{0 if keys is None else keys.added} partition keys added."
        )
        for name in done.not_declared:
            out.print(f"No collection file declares {name}: its index was not made.", style="yellow")
        if not done.goes_on_there:
            out.print(
                "The backup is of another database: the next one into its folder needs 'rag backup --replace', if this "
                "platform goes on in the other's stead.",
                style="yellow",
            )
        if done.keys_back:
            out.print(
                f"{done.keys_back} API keys are usable again as of the backup: 'rag keys list' shows them; revoke what "
                "was revoked since.",
                style="yellow",
            )
        _show_audits(audits)
        out.print("'rag up' starts the platform; its first sweeps record what the sources hold by now.")
    return 0 if is_clean(audits) and not done.not_declared else 1


def _show_audits(audits: "list[Audited]") -> None:
    from local_stack.cli.audit_commands import show_audit

    for one in audits:
        show_audit(one)


def _audits_json(audits: "list[Audited]") -> "dict[str, object]":
    from recovery.auditing_all import is_clean

    return {"clean": is_clean(audits), "collections": [one.to_json() for one in audits]}


def _folder(settings: "Settings", place: str, *, make: bool) -> "BackupFolder":
    from recovery.backup_folder import open_backup

    return open_backup(place, environ={**os.environ, **settings.aws_environment()}, make=make)


def _needs_s3(place: str) -> bool:
    """Say whether the stack's own S3 server is needed: for the backup, for Parquet, and none is set by a URL."""
    from resources.clients.settings import load_settings

    settings = load_settings(with_stack=False)
    is_there = (
        settings.s3_endpoint is not None or "AWS_ENDPOINT_URL" in os.environ or not (settings.home / "s3").exists()
    )
    return (place.startswith("s3://") or settings.parquet.startswith("s3://")) and not is_there


def _ask(made_at: str) -> None:
    if not sys.stdin.isatty():
        raise InvalidRequest("A catalog would be replaced, and nobody can be asked here.", remedy="Say --yes.")
    if not typer.confirm(f"Replace the present catalog and index by the backup of {made_at}?", err=True):
        raise typer.Exit(1)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
