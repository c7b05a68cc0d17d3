"""Why a stream is not read at present: written by whoever fails to read it, gone once somebody reads it again.

It lies beside the streams' positions, under a name that no source can have, and blocks nothing: it is only shown.
"""

from sqlalchemy import text

from resources.clients.catalog.database import Database
from resources.clients.catalog.values import StreamTrouble

_LONGEST = 1000


class StreamTroubles:
    """The last trouble of each stream; one instance for a catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, collection: str, stream: str, reason: str) -> None:
        """Remember why a stream could not be read just now; since when it cannot stays as it was."""
        with self._database.transaction() as connection:
            connection.execute(_NOTE, {"collection": collection, "stream": stream, "reason": reason[:_LONGEST]})

    def over(self, collection: str, stream: str) -> None:
        """Forget the trouble of a stream that was read."""
        with self._database.transaction() as connection:
            connection.execute(_OVER, {"collection": collection, "stream": stream})

    def current(self, collection: str) -> dict[str, StreamTrouble]:
        """Return the troubles of a collection's streams, by stream."""
        with self._database.transaction() as connection:
            rows = connection.execute(_CURRENT, {"collection": collection}).all()
        return {row.stream: StreamTrouble(reason=row.reason, since=row.since, tried_at=row.tried_at) for row in rows}


_NOTE = text("""
INSERT INTO positions (collection, source, value, version) VALUES (:collection, :stream || '/trouble',
    jsonb_build_object('trouble', CAST(:reason AS text), 'since', now()), 1)
ON CONFLICT (collection, source) DO UPDATE SET moved_at = now(), version = positions.version + 1,
    value = positions.value || jsonb_build_object('trouble', CAST(:reason AS text))
""")

_OVER = text("DELETE FROM positions WHERE collection = :collection AND source = :stream || '/trouble'")

_CURRENT = text("""
SELECT split_part(source, '/', 1) AS stream, value ->> 'trouble' AS reason,
       CAST(value ->> 'since' AS timestamptz) AS since, moved_at AS tried_at
FROM positions WHERE collection = :collection AND value ? 'trouble' AND source LIKE '%/trouble'
""")
