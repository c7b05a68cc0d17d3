"""Parquet files out of a backup into the part store: those that are missing or are not what they were."""

import hashlib
import os
from collections.abc import Callable
from typing import IO, TYPE_CHECKING

from rag_core.errors import ConfigurationError
from recovery.backup_folder import PARQUET, BackupFolder, digest_of, pieces
from recovery.manifest import Manifest, StoredFile
from recovery.opened import opened
from resources.clients.settings import Settings

if TYPE_CHECKING:
    from resources.clients.parquet_parts import PartStore

PART_REMEDY = (
    "Restore from another backup, or go on without it (--without-damaged): 'rag audit --repair' lets its documents be "
    "made again from their sources."
)


def restore_parts(settings: Settings, folder: BackupFolder, *, say: Callable[[str], None] = lambda _: None) -> int:
    """Bring back only the Parquet files that the present catalog names and that are missing or damaged.

    The platform may go on meanwhile: files are immutable, and written whole. Raises ``ConfigurationError`` at the end
    for those that are damaged in the backup, too.
    """
    manifest = folder.manifest()
    with opened(settings) as tools:
        named: set[str] = set()
        files = [part.file for part in manifest.parts]
        for start in range(0, len(files), 1000):
            named |= tools.catalog.parts.named(files[start : start + 1000])
        wanted = [part for part in manifest.parts if part.file in named]
        copied, damaged = _copy_parts(tools.parts, folder, wanted, say=say, step=lambda _: None)
    if damaged:
        raise damaged_files(
            folder, *damaged, remedy="The others were brought back; 'rag audit --repair' mends what is left."
        )
    return copied


def bring_back_parts(
    settings: Settings,
    folder: BackupFolder,
    manifest: Manifest,
    *,
    say: Callable[[str], None],
    step: Callable[[str], None],
) -> tuple[int, list[str]]:
    """Bring back what a manifest names; return how many files, and which are damaged in the backup."""
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
) -> tuple[int, list[str]]:
    """Bring back what is missing or not what it was; return how many files, and which are damaged in the backup."""
    copied, damaged = 0, list[str]()
    for part in wanted:
        if _is_there(parts, part):
            continue
        try:
            with folder.open(f"{PARQUET}/{part.file}") as source:
                parts.put_back(
                    part.file, lambda sink, source=source, part=part: _copy_checked(folder, source, sink, part)
                )
        except ConfigurationError:
            damaged.append(f"{PARQUET}/{part.file}")
            say(f"{damaged[-1]} is missing or damaged in the backup.")
            continue
        copied += 1
        step("part")
        if copied % 500 == 0:
            say(f"{copied:,} Parquet files brought back")
    return copied, damaged


def _is_there(parts: "PartStore", part: StoredFile) -> bool:
    try:
        with parts.open(part.file) as source:
            return digest_of(source) == part.sha256
    except FileNotFoundError:
        return False


def _copy_checked(folder: BackupFolder, source: IO[bytes], sink: IO[bytes], part: StoredFile) -> None:
    """Copy a part; one whose bytes are not what they were is never put in place."""
    digest = hashlib.sha256()
    for piece in pieces(source):
        digest.update(piece)
        sink.write(piece)
    if digest.hexdigest() != part.sha256:
        raise damaged_files(folder, f"{PARQUET}/{part.file}")


def damaged_files(
    folder: BackupFolder, file: str, *others: str, remedy: str = "Restore from another backup."
) -> ConfigurationError:
    """Return the refusal of a backup whose files are not what they were."""
    more = f" and {len(others):,} other files" if others else ""
    return ConfigurationError(f"{file}{more} in the backup in {folder.place}: missing or damaged.", remedy=remedy)
