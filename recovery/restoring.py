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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from rag_core.errors import ConfigurationError, InvalidRequest
from recovery.backup_folder import PARQUET, BackupFolder, digest_of, pieces
from recovery.manifest import Manifest, StoredFile, StoredTable
from recovery.opened import opened
from recovery.rebuilding import Rebuilt, rebuild_index
from resources.clients.catalog.snapshots import holds_anything, load_snapshot, others_connected
from resources.clients.collection_files import LoadedCollection
from resources.clients.settings import Settings

if TYPE_CHECKING:
    from resources.clients.parquet_parts import PartStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore brought back; ``indexes`` by collection."""

    manifest: Manifest
    parts_copied: int
    indexes: dict[str, Rebuilt]
    not_declared: tuple[str, ...]
    keys_back: int
    """Usable API keys that only the backup had: whether they were revoked since, nobody knows."""


def check_backup(folder: BackupFolder) -> Manifest:
    """Return the manifest of a backup whose every file is there, the tables' bytes being what they were."""
    manifest = folder.manifest()
    sizes = folder.parts()
    for part in manifest.parts:
        if sizes.get(part.file) != part.bytes:
            raise _damaged(folder, f"{PARQUET}/{part.file}")
    for table in manifest.tables:
        with folder.open(table.stored.file) as source:
            if digest_of(source) != table.stored.sha256:
                raise _damaged(folder, table.stored.file)
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
    say: Callable[[str], None] = lambda _: None,
    step: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Do steps 1 to 5; the caller has asked whoever must be asked, and does the others."""
    manifest = check_backup(folder)
    holds_a_catalog(settings)
    copied = _bring_back_parts(settings, folder, manifest, say=say, step=step)
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
    declared = {loaded.collection.name: loaded.collection for loaded in collections}
    indexes: dict[str, Rebuilt] = {}
    with opened(settings) as tools:
        for index in manifest.indexes:
            if index.collection in declared:
                say(f"Making the index of {index.collection} from Parquet: {index.points:,} points …")
                indexes[index.collection] = rebuild_index(
                    declared[index.collection], tools, say=lambda points: step(f"points {points}")
                )
    step("indexes")
    return Restored(
        manifest=manifest,
        parts_copied=copied,
        indexes=indexes,
        not_declared=tuple(one.collection for one in manifest.indexes if one.collection not in declared),
        keys_back=keys_back,
    )


def restore_parts(settings: Settings, folder: BackupFolder, *, say: Callable[[str], None] = lambda _: None) -> int:
    """Bring back only the Parquet files that the present catalog names and that are missing or damaged.

    The platform may go on meanwhile: files are immutable, and written whole.
    """
    manifest = check_backup(folder)
    with opened(settings) as tools:
        named: set[str] = set()
        files = [part.file for part in manifest.parts]
        for start in range(0, len(files), 1000):
            named |= tools.catalog.parts.named(files[start : start + 1000])
        wanted = [part for part in manifest.parts if part.file in named]
        return _copy_parts(tools.parts, folder, wanted, say=say, step=lambda _: None)


def _bring_back_parts(
    settings: Settings,
    folder: BackupFolder,
    manifest: Manifest,
    *,
    say: Callable[[str], None],
    step: Callable[[str], None],
) -> int:
    import os

    from resources.clients.parquet_parts import open_parts

    parts = open_parts(settings.parquet, environ={**os.environ, **settings.aws_environment()})
    say(f"Looking at {len(manifest.parts):,} Parquet files …")
    return _copy_parts(parts, folder, list(manifest.parts), say=say, step=step)


def _copy_parts(
    parts: "PartStore",
    folder: BackupFolder,
    wanted: list[StoredFile],
    *,
    say: Callable[[str], None],
    step: Callable[[str], None],
) -> int:
    copied = 0
    for part in wanted:
        if _is_there(parts, part):
            continue
        with folder.open(f"{PARQUET}/{part.file}") as source:
            parts.put_back(part.file, lambda sink, source=source, part=part: _copy_checked(folder, source, sink, part))
        copied += 1
        step("part")
        if copied % 500 == 0:
            say(f"{copied:,} Parquet files brought back")
    return copied


def _is_there(parts: "PartStore", part: StoredFile) -> bool:
    try:
        with parts.open(part.file) as source:
            return digest_of(source) == part.sha256
    except FileNotFoundError:
        return False


def _copy_checked(folder: BackupFolder, source: IO[bytes], sink: IO[bytes], part: StoredFile) -> None:
    """Copy a part; one whose bytes are not what they were is never put in place."""
    import hashlib

    digest = hashlib.sha256()
    for piece in pieces(source):
        digest.update(piece)
        sink.write(piece)
    if digest.hexdigest() != part.sha256:
        raise _damaged(folder, f"{PARQUET}/{part.file}")


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
        raise _damaged(folder, table.stored.file) from error


def _damaged(folder: BackupFolder, file: str) -> ConfigurationError:
    return ConfigurationError(
        f"{file} in the backup in {folder.place} is missing or damaged.", remedy="Restore from another backup."
    )
