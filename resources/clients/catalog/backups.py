"""When the platform was backed up last: beside its name, so that no monitoring need look into the backup's place."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from resources.clients.catalog.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class LastBackup:
    """The last backup that was finished: of which moment it is, how long ago that was, and where it lies."""

    of: datetime
    age_s: float
    place: str


class Backups:
    """What is remembered of backups; a restored catalog remembers what that of the backup did."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, *, of: datetime, place: str) -> None:
        """Remember that a backup of a moment is whole; the platform has its name already, for the folder has it."""
        with self._database.transaction() as connection:
            shown = place.encode(errors="replace").decode()  # a folder's name may be of any bytes
            connection.execute(_NOTE, {"of": of, "place": shown})

    def last(self) -> LastBackup | None:
        """Return the last backup; None where there never was one."""
        with self._database.transaction() as connection:
            row = connection.execute(_LAST).one_or_none()
        return (
            None if row is None else LastBackup(of=row.backed_up_at, age_s=max(0.0, row.age_s), place=row.backed_up_to)
        )


_NOTE = text("UPDATE platform SET backed_up_at = :of, backed_up_to = :place")

_LAST = text("""
SELECT backed_up_at, backed_up_to, extract(epoch FROM clock_timestamp() - backed_up_at)::double precision AS age_s
FROM platform WHERE backed_up_at IS NOT NULL
""")
