"""How each source was swept last: written by its ticks, so that one whose every sweep fails is seen, and one without.

An account lies beside its source's position, under a name that no source can have. It is only shown; it blocks nothing.
"""

from typing import Any

from sqlalchemy import text

from resources.clients.catalog.database import Database
from resources.clients.catalog.values import SweepTrouble

LATE_AFTER_S = 300.0
"""From when on it is said of a source that nothing sweeps it, where nothing says why."""

_LONGEST = 1000


class SweepAccounts:
    """The part of ``Sources`` that says whether sweeps come to their end."""

    _database: Database

    def note_tick(self, collection: str, source: str, *, interval_s: float, is_complete: bool) -> None:
        """Remember a tick that did what it should: what failed before is over. Writes only what is new."""
        parameters = {"collection": collection, "source": source, "interval_s": interval_s, "complete": is_complete}
        with self._database.transaction() as connection:
            connection.execute(_TICKED, parameters)

    def note_failed(self, collection: str, source: str, reason: str, *, interval_s: float) -> None:
        """Remember why a tick failed; since when they do stays as it was."""
        said = reason.replace("\0", " ").encode(errors="replace").decode()[:_LONGEST]
        parameters = {"collection": collection, "source": source, "interval_s": interval_s, "reason": said}
        with self._database.transaction() as connection:
            connection.execute(_FAILED, parameters)

    def accounted(self, collection: str) -> frozenset[str]:
        """Return a collection's sources that any tick looked at, whatever came of it."""
        with self._database.transaction() as connection:
            return frozenset(connection.execute(_ACCOUNTED, {"collection": collection}).scalars())

    def unswept(self, collection: str = "") -> list[SweepTrouble]:
        """Return the sources of a collection (or of all) whose sweeps fail, or that nothing sweeps when it is time.

        Sources that are stopped are not among them: their stops are shown.
        """
        with self._database.transaction() as connection:
            rows = connection.execute(ACCOUNTS).all()
        return [
            _trouble(row)
            for row in rows
            if not row.is_stopped
            and (row.failure is not None or row.overdue_s > LATE_AFTER_S)
            and collection in ("", row.collection)
        ]


def _trouble(row: Any) -> SweepTrouble:
    sensor = f"sweep_{row.collection}_{row.source}"
    return SweepTrouble(
        collection=row.collection,
        source=row.source,
        reason=row.failure
        or f"Its sensor {sensor} does not tick to the end: see whether it is on, and Dagster's daemon.",
        since=row.failed_since if row.failure is not None else row.due_at,
        swept_at=row.swept_at,
    )


_INTERVAL = "jsonb_build_object('interval_s', CAST(:interval_s AS double precision))"
_SWEPT = "CASE WHEN CAST(:complete AS boolean) THEN jsonb_build_object('swept_at', now()) ELSE '{}' END"

_TICKED = text(
    f"""
INSERT INTO positions (collection, source, value, version)
VALUES (:collection, :source || '/sweep', jsonb_build_object('first_at', now()) || {_INTERVAL} || {_SWEPT}, 1)
ON CONFLICT (collection, source) DO UPDATE SET moved_at = now(), version = positions.version + 1,
    value = (positions.value - 'failure' - 'failed_since') || {_INTERVAL} || {_SWEPT}
WHERE CAST(:complete AS boolean) OR positions.value ? 'failure'
    OR positions.value -> 'interval_s' <> excluded.value -> 'interval_s'
"""  # noqa: S608 - constants of this module
)

_FAILED = text(
    f"""
INSERT INTO positions (collection, source, value, version)
VALUES (:collection, :source || '/sweep', jsonb_build_object('first_at', now(), 'failed_since', now(),
    'failure', CAST(:reason AS text)) || {_INTERVAL}, 1)
ON CONFLICT (collection, source) DO UPDATE SET moved_at = now(), version = positions.version + 1,
    value = jsonb_build_object('failed_since', now()) || positions.value || {_INTERVAL}
        || jsonb_build_object('failure', CAST(:reason AS text))
"""  # noqa: S608 - constants of this module
)

_ACCOUNTED = text("""
SELECT split_part(source, '/', 1) FROM positions WHERE collection = :collection AND source LIKE '%/sweep'
""")

# A sweep is due when the last one is as old as the interval, when it began to fail, and, where one is under way, when
# that last came on. A minute is for the tick that is to come. What is stopped waits for a person, and is told as that.
ACCOUNTS = text("""
SELECT collection, source, is_stopped, failure, failed_since, swept_at, due_at,
    extract(epoch FROM clock_timestamp() - coalesce(swept_at, first_at))::double precision AS age_s,
    CASE WHEN is_stopped THEN 0
         ELSE greatest(0, extract(epoch FROM clock_timestamp() - due_at) - 60) END::double precision AS overdue_s
FROM (
    SELECT *, least(failed_since, CASE WHEN is_running THEN moved_at
        ELSE coalesce(swept_at + make_interval(secs => interval_s), first_at) END) AS due_at
    FROM (
        SELECT account.collection, split_part(account.source, '/', 1) AS source,
            CAST(account.value ->> 'interval_s' AS double precision) AS interval_s,
            CAST(account.value ->> 'first_at' AS timestamptz) AS first_at,
            account.value ->> 'failure' AS failure,
            CAST(account.value ->> 'failed_since' AS timestamptz) AS failed_since,
            greatest(CAST(account.value ->> 'swept_at' AS timestamptz),
                     CAST(swept.value -> 'last' ->> 'finished_at' AS timestamptz)) AS swept_at,
            coalesce(swept.value -> 'running' <> 'null', false) AS is_running, swept.moved_at,
            EXISTS (SELECT FROM stops WHERE stops.collection = account.collection AND confirmed_at IS NULL
                    AND stops.source = split_part(account.source, '/', 1)) AS is_stopped
        FROM positions account
        LEFT JOIN positions swept ON swept.collection = account.collection
            AND swept.source = split_part(account.source, '/', 1)
        LEFT JOIN sources declared ON declared.collection = account.collection
            AND declared.source = split_part(account.source, '/', 1)
        WHERE account.source LIKE '%/sweep' AND account.value ? 'interval_s' AND declared.is_declared IS NOT FALSE
    ) noted
) judged
ORDER BY collection, source
""")
