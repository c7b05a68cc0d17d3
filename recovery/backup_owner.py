"""Whose backups a folder holds: a backup takes the place of the one before, so it must be sure that this is its own.

The platform's id is in its catalog and therefore in its backups: a platform that was restored goes on in its folder,
one whose catalog was lost and made anew does not: its empty backup would take the place of the last good one.
"""

from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import urlsplit

from rag_core.errors import InvalidRequest
from recovery.backup_folder import OWNER, BackupFolder
from recovery.opened import Opened


def take_over(folder: BackupFolder, tools: Opened, *, replace: bool) -> None:
    """Make a folder this platform's; raises ``InvalidRequest`` for one that holds, or may hold, something else.

    An empty folder becomes its own. With ``replace`` another platform's does, too, whose backup stays until there is
    a new one; never one that holds anything but backups.
    """
    _refuse_live_parquet(folder.place, tools.settings.parquet)
    ours, owner = str(tools.catalog.platform()), folder.owner()
    if owner == ours:
        return
    if owner is None and folder.known_manifest() is None:
        if not folder.is_empty():
            raise InvalidRequest(
                f"{folder.place} holds files, and no backup: it is left alone.",
                remedy="Name an empty folder or prefix; a backup deletes what is old in its own.",
            )
    elif not replace:
        raise InvalidRequest(
            f"{folder.place} holds the backup of another platform, or of this one before its catalog was made anew.",
            remedy="'rag restore' brings that one back. Name another place; --replace gives it up for a new backup.",
        )
    folder.write(OWNER, lambda sink: _put(sink, ours))


def still_ours(folder: BackupFolder, tools: Opened) -> None:
    """Raise ``InvalidRequest`` if another platform took the folder over since this one did."""
    if folder.owner() != str(tools.catalog.platform()):
        raise InvalidRequest(
            f"Another platform began to back up into {folder.place}.", remedy="Give each platform a place of its own."
        )


def _refuse_live_parquet(place: str, parquet: str) -> None:
    """Refuse a place that is the part store, contains it or lies in it: each would delete the other's files."""
    one, other = _steps(place), _steps(parquet)
    shorter = min(len(one), len(other))
    if one[:shorter] == other[:shorter]:
        raise InvalidRequest(
            f"{place} and the Parquet files of this platform ({parquet}) lie in one another.",
            remedy="Name a place beside them, better on another disk or in another bucket.",
        )


def _steps(place: str) -> tuple[str, ...]:
    if place.startswith("s3://"):
        parts = urlsplit(place)
        return ("s3", parts.netloc, *(step for step in PurePosixPath(parts.path).parts if step != "/"))
    return ("file", *Path(place.removeprefix("file://")).expanduser().resolve().parts)


def _put(sink: IO[bytes], owner: str) -> None:
    sink.write(owner.encode())
