"""Whose backups a folder holds: a backup takes the place of the one before, so it must be sure that this is its own.

The platform's id is in its catalog and therefore in its backups: a platform that was restored goes on in its folder.
One whose catalog was lost and made anew does not: its empty backup would take the place of the last good one. Nor does
a copy in another database, such as one that was restored to look at what production holds. A copy of the database's
disk cannot be told from it: give that one another place before its first backup.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from rag_core.collection import BucketSource
from rag_core.errors import InvalidRequest
from recovery.backup_folder import OWNER, BackupFolder
from recovery.opened import Opened
from resources.clients.collection_files import usable_collections
from resources.clients.object_store import location_of
from resources.clients.settings import Settings

_OWNED_SINCE = "0013"
"""The version of the catalog since which a folder says whose it is: nobody can tell for those before."""


def take_over(folder: BackupFolder, tools: Opened, *, replace: bool) -> None:
    """Make a folder this platform's; raises ``InvalidRequest`` for one that holds, or may hold, something else.

    An empty folder becomes its own. With ``replace`` another platform's does, too, whose backup stays until there is
    a new one; never one that holds anything but backups.
    """
    for what, other in _live_places(tools.settings):
        if _lie_in_one_another(_steps(folder.place), _steps(other)):
            raise InvalidRequest(
                f"{folder.place} and {what} ({other}) lie in one another.",
                remedy="Name a place beside it, better on another disk or in another bucket.",
            )
    ours, owner = tools.catalog.platform(), folder.owner()
    if owner == ours:
        return
    before = folder.known_manifest()
    is_of_before = owner is None and before is not None and before.schema < _OWNED_SINCE
    if owner is None and before is None:
        if not folder.is_empty():
            raise InvalidRequest(
                f"{folder.place} holds files, and no backup: it is left alone.",
                remedy="Name an empty folder or prefix; a backup deletes what is old in its own.",
            )
    elif not replace and not is_of_before:
        raise InvalidRequest(
            f"{folder.place} holds the backup of another platform, or of this one in another database.",
            remedy="'rag restore' brings that one back. Name another place; 'rag backup --replace' gives it up for a "
            "new backup, as after a restore into a new database that goes on in its stead.",
        )
    folder.put(OWNER, ours.encode())


def still_ours(folder: BackupFolder, tools: Opened) -> None:
    """Raise ``InvalidRequest`` if another platform took the folder over since this one did."""
    if folder.owner() != tools.catalog.platform():
        raise InvalidRequest(
            f"Another platform began to back up into {folder.place}.", remedy="Give each platform a place of its own."
        )


def _live_places(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield what a backup must not touch nor be found in: the part store and every source."""
    yield "this platform's Parquet files", settings.parquet
    for loaded in usable_collections(settings.collections)[0]:
        for source in loaded.collection.sources:
            if isinstance(source, BucketSource):
                location = location_of(source, loaded.base_dir)
                where = str(location) if isinstance(location, Path) else f"s3://{location}"
                yield f"the source {source.name} of {loaded.collection.name}", where


def _lie_in_one_another(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _steps(place: str) -> tuple[str, ...]:
    if place.startswith("s3://"):
        parts = urlsplit(place)
        return ("s3", parts.netloc, *(step for step in PurePosixPath(parts.path).parts if step != "/"))
    return ("file", *Path(place.removeprefix("file://")).expanduser().resolve().parts)
