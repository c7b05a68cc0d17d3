"""A restore: catalog and Parquet as the backup has them, the index made from them, partition keys, and an audit.

It is for a platform at rest, and safe to kill and to begin again:

1. Look at everything before anything is touched: the manifest, the tables' digests, that every Parquet file is there,
   and that nobody of ours is connected to the catalog's database.
2. Bring back the Parquet files that are missing or are not what they were. Names are never used twice, so a file that
   the present catalog names is not touched by it.
3. Drop the indexes: from here on nothing answers that the restored catalog does not know.
4. Put the catalog in the place of the present one: all of it in one transaction, and in the same one make due what was
   under way.
5. Make each index from Parquet; readers are sent to it when it is whole. Killed before, the next start finds it lost.
6. Make Dagster's partition keys what the catalog's blocks are.
7. Audit. What differs between the sources and the catalog by now is recorded by the first sweeps, which are due.
"""

import gzip
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from rag_core.errors import ConfigurationError, InvalidRequest
from recovery.backup_folder import PARQUET, BackupFolder, digest_of, pieces
from recovery.bringing_back import PART_REMEDY, bring_back_parts, damaged_files
from recovery.manifest import Manifest, StoredTable
from recovery.opened import opened
from recovery.rebuilding import Rebuilt, rebuild_index
from resources.clients.catalog.migrating import known_version
from resources.clients.catalog.snapshots import holds_anything, load_snapshot, others_connected
from resources.clients.collection_files import LoadedCollection
from resources.clients.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore brought back; ``indexes`` by collection."""

    manifest: Manifest
    parts_copied: int
    indexes: dict[str, Rebuilt]
    not_declared: tuple[str, ...]
    keys_back: int
    """Usable API keys that only the backup had: whether they were revoked since, nobody knows."""
    goes_on_there: bool
    """Whether this platform's next backup may go into the same folder: not if it came from another database."""


def check_backup(folder: BackupFolder, *, parts: bool = True) -> Manifest:
    """Return the manifest of a backup whose tables' bytes are what they were; its ``parts`` must be there, too."""
    manifest = folder.manifest()
    if not known_version(manifest.schema):
        raise ConfigurationError(
            f"The catalog in {folder.place} is of version {manifest.schema!r}, which this program does not know.",
            remedy="Install the version of rag-assets that made the backup, or a newer one.",
        )
    sizes = folder.parts()
    for part in manifest.parts if parts else ():
        if sizes.get(part.file) != part.bytes:
            raise damaged_files(folder, f"{PARQUET}/{part.file}", remedy=PART_REMEDY)
    for table in manifest.tables:
        with folder.open(table.stored.file) as source:
            if digest_of(source) != table.stored.sha256:
                raise damaged_files(folder, table.stored.file)
    return manifest


def holds_a_catalog(settings: Settings) -> bool:
    """Say whether a restore would replace something; raises ``InvalidRequest`` while others use the catalog."""
    url = settings.require("database_url")
    if others := others_connected(url):
        raise InvalidRequest(
            f"{others} connections of running processes are open to the catalog: a restore needs a platform at rest.",
            remedy="Stop daemon, run workers, watcher, listener, API and answers first ('rag down'), then restore.",
        )
    return holds_anything(url)


def restore(
    settings: Settings,
    folder: BackupFolder,
    collections: list[LoadedCollection],
    *,
    without: Collection[str] = (),
    without_damaged: bool = False,
    say: Callable[[str], None] = lambda _: None,
    step: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Do steps 1 to 5; the caller has asked whoever must be asked, and does the others.

    The indexes of the collections ``without`` are given up. Raises ``InvalidRequest`` for another one that no file
    declares: its index could not be made. ``without_damaged`` goes on without Parquet files that are not what they
    were: their documents are left to the audit's repair, and to runs.
    """
    manifest = check_backup(folder, parts=not without_damaged)
    declared = {loaded.collection.name: loaded.collection for loaded in collections}
    if missing := sorted({one.collection for one in manifest.indexes} - declared.keys() - set(without)):
        raise InvalidRequest(
            f"No collection file in {settings.collections} declares {', '.join(missing)}, which the backup holds.",
            remedy="Set RAG_COLLECTIONS to the folder of its file, or give up its index: --without NAME.",
        )
    holds_a_catalog(settings)
    copied, damaged = bring_back_parts(settings, folder, manifest, say=say, step=step)
    if damaged and not without_damaged:
        raise damaged_files(folder, *damaged, remedy=PART_REMEDY)
    step("parts")
    holds_a_catalog(settings)  # once more: to bring parts back takes hours, and somebody may have started something
    _drop_indexes(settings, manifest, collections)
    step("dropped")
    say("Loading the catalog …")
    by_name = {table.name: table for table in manifest.tables}
    keys_back = load_snapshot(
        settings.require("database_url"),
        version=manifest.schema,
        tables={table.name: table.columns for table in manifest.tables},
        months=manifest.months,
        rows_of=lambda name: _rows(folder, by_name[name]),
    )
    step("catalog")
    indexes: dict[str, Rebuilt] = {}
    with opened(settings) as tools:
        for index in manifest.indexes:
            if index.collection in declared:
                say(f"Making the index of {index.collection} from Parquet: {index.points:,} points …")
                indexes[index.collection] = rebuild_index(
                    declared[index.collection], tools, say=lambda points: step(f"points {points}")
                )
        goes_on_there = folder.owner() == tools.catalog.platform()
    step("indexes")
    return Restored(
        manifest=manifest,
        parts_copied=copied,
        indexes=indexes,
        not_declared=tuple(one.collection for one in manifest.indexes if one.collection not in declared),
        keys_back=keys_back,
        goes_on_there=goes_on_there,
    )


def _drop_indexes(settings: Settings, manifest: Manifest, collections: list[LoadedCollection]) -> None:
    """Drop the indexes of the backup's collections, and of those declared since: their documents are found anew."""
    from contextlib import closing

    from resources.clients.vector_stores import open_vector_store

    with closing(open_vector_store(settings)) as store:
        for name in sorted({one.collection for one in manifest.indexes} | {one.collection.name for one in collections}):
            served = store.writer().spec_of(name)
            if served is not None:
                store.maker().drop(name, served[0])
        for index in manifest.indexes:
            store.maker().drop(index.collection, index.physical)


def _rows(folder: BackupFolder, table: StoredTable) -> Iterator[bytes]:
    try:
        with folder.open(table.stored.file) as source, gzip.GzipFile(fileobj=source) as unpacked:
            yield from pieces(unpacked)  # pyright: ignore[reportArgumentType] - it is read as a file is
    except (OSError, EOFError, zlib.error) as error:
        raise damaged_files(folder, table.stored.file) from error
