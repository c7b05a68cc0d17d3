"""A backup of catalog and Parquet, consistent while everything goes on: the catalog of one moment, and what it names.

1. Promise that no Parquet file goes that is named now: housekeeping waits until the backup is done, or dead. One
   backup at a time, and only into a folder that is this platform's or empty.
2. Copy the catalog as one transaction sees it, table by table. Ingestion goes on; what it commits is not in it.
3. Copy the Parquet files that this catalog names. They are written before they are named and never changed, so they
   are what they were at that moment. What an earlier backup in the same folder holds already is not copied again, nor
   what one copied that was killed: it is written down as it goes. A tenth of it is read back each day, and copied
   again where a disk let it rot.
4. Write the manifest, last and in one piece: before it the folder holds the earlier backup, or none.
5. Tell the catalog, so that somebody is told when the next one fails to come.
6. Delete what the manifest does not name. A kill before leaves it to the next backup.

The index is not copied: its points are made from Parquet, of the same moment as the catalog. A snapshot of the index
would be of another one. Secrets are in none of these: keys of the API are hashes.
"""

import gzip
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import IO
from zlib import crc32

from rag_core.errors import DependencyUnavailable
from recovery.backup_folder import CATALOG, PARQUET, BackupFolder, digest_of, pieces
from recovery.backup_owner import still_ours, take_over
from recovery.copy_journal import JOURNAL, CopyJournal, journaled
from recovery.manifest import FORMAT, MANIFEST, Manifest, StoredFile, StoredIndex, StoredTable, total_bytes
from recovery.opened import Opened
from resources.clients.catalog.snapshots import Snapshot, SnapshotTable, snapshot
from resources.clients.store_answers import reason_of

_LEVEL = 1
_SAY_EVERY = 500
_ONE_IN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """What a backup holds, and how much of it had to be copied."""

    manifest: Manifest
    copied_files: int
    copied_bytes: int


def back_up(
    tools: Opened,
    folder: BackupFolder,
    *,
    replace: bool = False,
    verify: bool = False,
    say: Callable[[str], None] = lambda _: None,
    step: Callable[[str], None] = lambda _: None,
) -> BackedUp:
    """Take a backup into a folder that may hold an earlier one; ``step`` is told each step as it is reached.

    ``replace`` lets it take the place of another platform's; ``verify`` reads back every file that is kept of it, in
    place of a tenth of them each day. Raises ``InvalidRequest`` where the folder is not for it.
    """
    backup = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    with tools.catalog.parts.in_use() as still_in_use:  # to the end: who waits must find what this one leaves
        take_over(folder, tools, replace=replace)
        known = folder.known_manifest()
        _clear_tables(folder, known)
        began_at = datetime.now(UTC)
        with snapshot(tools.settings.require("database_url")) as seen:
            say("Copying the catalog …")
            tables = tuple(_copied_table(folder, seen, table, backup) for table in seen.tables())
            months = tuple(seen.months())
            indexes = tuple(StoredIndex(**one) for one in seen.indexes())
            named = list(seen.parts())
        step("catalog")
        copying = _Copying(
            tools=tools,
            folder=folder,
            journal=CopyJournal(folder, backup),
            still_in_use=still_in_use,
            verify=verify,
            say=say,
            step=step,
        )
        parts = copying.parts(known, named)
        manifest = Manifest(
            format=FORMAT,
            id=backup,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            version=version("rag-assets"),
            schema=Snapshot.version,
            months=months,
            tables=tables,
            parts=tuple(parts),
            indexes=indexes,
        )
        step("parts")
        still_in_use()
        still_ours(folder, tools)
        folder.put(MANIFEST, manifest.to_bytes())
        step("manifest")
        tools.catalog.backups.note(of=began_at, place=folder.place)
        _delete_others(folder, manifest)
    copied = copying.copied
    return BackedUp(manifest=manifest, copied_files=len(copied), copied_bytes=total_bytes(copied))


def _copied_table(folder: BackupFolder, seen: Snapshot, table: SnapshotTable, backup: str) -> StoredTable:
    def fill(sink: IO[bytes]) -> None:
        with gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=sink, mtime=0) as packed:
            for piece in seen.rows(table):
                packed.write(piece)

    stored = folder.write(_table_file(backup, table.name), fill)
    return StoredTable(name=table.name, columns=table.columns, rows=seen.count(table.name), stored=stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copying:
    """Step 3; a part that cannot be read stops the backup."""

    tools: Opened
    folder: BackupFolder
    journal: CopyJournal
    still_in_use: Callable[[], None]
    verify: bool
    say: Callable[[str], None]
    step: Callable[[str], None]
    copied: list[StoredFile] = field(default_factory=list[StoredFile])

    def parts(self, known: Manifest | None, named: list[str]) -> list[StoredFile]:
        """Return all parts as stored, after copying those that neither the last backup nor a killed one did."""
        sizes = self.folder.parts()
        held = journaled(self.folder) | {one.file: one for one in (known.parts if known else ())}
        parts: list[StoredFile] = []
        for number, file in enumerate(named, start=1):
            before = held.get(file)
            if before is not None and sizes.get(file) == before.bytes and self._is_whole(before):
                parts.append(before)
                continue
            parts.append(_copied_part(self.tools, self.folder, file))
            self.copied.append(parts[-1])
            if self.journal.note(parts[-1]):
                self.still_in_use()
            self.step("part")
            if number % _SAY_EVERY == 0:
                self.say(f"{number:,} of {len(named):,} Parquet files")
        return parts

    def _is_whole(self, kept: StoredFile) -> bool:
        """Say whether a file that is kept is what it was, read back if it is its turn: disks rot."""
        if not self.verify and crc32(f"{datetime.now(UTC):%Y%m%d} {kept.file}".encode()) % _ONE_IN:
            return True
        with self.folder.open(f"{PARQUET}/{kept.file}") as source:
            is_whole = digest_of(source) == kept.sha256
        if not is_whole:
            self.say(f"{PARQUET}/{kept.file} is not what it was: it is copied again.")
        return is_whole


def _copied_part(tools: Opened, folder: BackupFolder, file: str) -> StoredFile:
    from obstore.exceptions import BaseError

    try:
        with tools.parts.open(file) as source:
            stored = folder.write(f"{PARQUET}/{file}", lambda sink: _copy(source, sink))
    except FileNotFoundError as error:
        raise DependencyUnavailable(
            f"The Parquet file {file} is gone, which the catalog names: there is nothing whole to back up.",
            dependency="part store",
            remedy="'rag audit --repair' makes its rows again; then take the backup.",
        ) from error
    except (OSError, BaseError) as error:
        raise DependencyUnavailable(
            f"The part store could not read {file}: {reason_of(error)}.",
            dependency="part store",
            remedy="See its disk or its server.",
        ) from error
    return StoredFile(file=file, bytes=stored.bytes, sha256=stored.sha256)


def _clear_tables(folder: BackupFolder, known: Manifest | None) -> None:
    """Delete tables of backups that were never finished; the Parquet files that they copied are gone on with."""
    folder.delete_others(CATALOG, {table.stored.file for table in known.tables} if known else ())


def _delete_others(folder: BackupFolder, manifest: Manifest) -> None:
    """Delete what the manifest does not name: an earlier backup's tables, old Parquet files, what a kill left."""
    folder.delete_unfinished(MANIFEST)
    folder.delete_others(CATALOG, {table.stored.file for table in manifest.tables})
    folder.delete_others(PARQUET, {f"{PARQUET}/{part.file}" for part in manifest.parts})
    folder.delete_others(JOURNAL, ())


def _table_file(backup: str, table: str) -> str:
    return f"{CATALOG}/{backup}/part-{table}.copy.gz"


def _copy(source: IO[bytes], sink: IO[bytes]) -> None:
    for piece in pieces(source):
        sink.write(piece)
