"""Queues of sources: what their messages announced, recorded at once and whole; and how each was read last.

A queue's messages are deleted only after ``record`` has returned. What is recorded twice, because a reader died in
between, is the same observation and no new arrival. A queue's account lies beside its source's position, under a name
that no source can have; in it is noted whether deletions were left to a sweep that has not begun.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from rag_core.arrivals import Observation
from rag_core.messages.dead_letters import NewDeadLetter
from resources.clients.catalog.database import Database
from resources.clients.catalog.dead_letters import write_dead_letters
from resources.clients.catalog.growing import count_anew_when_grown
from resources.clients.catalog.numbering import number_staged, open_staging, stage
from resources.clients.catalog.values import PartitionLimits, QueueFigures, QueueReading, QueueState, Recorded


class Queues:
    """What readers of queues write, and what is shown of them; one instance for a catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self,
        collection: str,
        seen: Mapping[str, Sequence[Observation]],
        *,
        limits: PartitionLimits,
        dead: Mapping[str, Sequence[NewDeadLetter]] | None = None,
    ) -> dict[str, Recorded]:
        """Number what is new of each source's observations and write down dead letters (by source), all or nothing.

        Of several looks at an object the last one counts. Raises ``InvalidRequest`` for what cannot be recorded.
        """
        recorded: dict[str, Recorded] = {}
        with self._database.transaction() as connection:
            connection.execute(text("SET LOCAL statement_timeout = '60s'"))
            for source, letters in sorted((dead or {}).items()):
                write_dead_letters(connection, collection, source, letters, is_replay=False)
            open_staging(connection)
            for source, observations in sorted(seen.items()):
                connection.execute(text("DELETE FROM staged"))
                last = {each.key: each for each in observations}
                staged = stage(connection, collection, last.values())
                recorded[source] = number_staged(connection, collection, source, staged=staged, limits=limits)
        for each in recorded.values():
            count_anew_when_grown(self._database, each)
        return recorded

    def present(self, collection: str, source: str, keys: Sequence[str]) -> frozenset[str]:
        """Return those of the keys whose objects are known and not known to be gone."""
        parameters = {"collection": collection, "source": source, "keys": list(keys)}
        with self._database.transaction() as connection:
            return frozenset(connection.execute(_PRESENT, parameters).scalars())

    def due_unseen(self, collection: str, source: str, keys: Sequence[str]) -> frozenset[str]:
        """Return those of the keys that were recorded unseen last, and are to be looked at by a run that comes."""
        parameters = {"collection": collection, "source": source, "keys": list(keys)}
        with self._database.transaction() as connection:
            return frozenset(connection.execute(_DUE_UNSEEN, parameters).scalars())

    def touch(self, places: Sequence[tuple[str, str]]) -> None:
        """Write to the account of each (collection, source), changing nothing; raises what stands in the way of it."""
        parameters = [{"collection": collection, "source": source} for collection, source in sorted(places)]
        with self._database.transaction() as connection:
            connection.execute(_TOUCH, parameters)

    def forget_undeclared(self, collection: str, declared: Sequence[str]) -> None:
        """Forget the accounts of a collection's other sources than those that declare a queue."""
        with self._database.transaction() as connection:
            connection.execute(_FORGET, {"collection": collection, "declared": list(declared)})

    def note(
        self,
        collection: str,
        source: str,
        name: str,
        *,
        added: QueueReading,
        figures: QueueFigures | None,
        oldest_s: float | None,
    ) -> None:
        """Add a reading to a source's account of its queue, and end its trouble; ``oldest_s`` if it read anything."""
        now: dict[str, Any] = {"queue": name}
        if figures is not None:
            now |= {"waiting": figures.waiting, "in_flight": figures.in_flight}
        if oldest_s is not None:
            now["oldest_s"] = round(oldest_s, 3)
        parameters = {
            "collection": collection,
            "source": source,
            "now": now,
            "was_read": oldest_s is not None,
            "messages": added.messages,
            "recorded": added.recorded,
            "left_to_sweep": added.left_to_sweep,
            "ignored": added.ignored,
            "dead": added.dead,
        }
        with self._database.transaction() as connection:
            connection.execute(_NOTE, parameters)
            connection.execute(_OVER, {"collection": collection, "source": source})

    def states(self, collection: str) -> dict[str, QueueState]:
        """Return how each source's queue was read last, by source; none where it never was."""
        with self._database.transaction() as connection:
            rows = connection.execute(_STATES, {"collection": collection}).all()
        return {row.source: _state(row) for row in rows}

    def want_sweep(self, collection: str, source: str) -> None:
        """Remember that deletions of a source are left to its sweep, until one is brought forward."""
        with self._database.transaction() as connection:
            connection.execute(_WANT, {"collection": collection, "source": source})

    def wanted_sweeps(self, collection: str) -> frozenset[str]:
        """Return a collection's sources whose sweep is wanted."""
        with self._database.transaction() as connection:
            return frozenset(connection.execute(_WANTED, {"collection": collection}).scalars())

    def bring_sweep_forward(self, collection: str, source: str) -> bool:
        """Make a source's next sweep due at once, and want it no more.

        False while one is under way, which may have passed by already: then it is still wanted.
        """
        parameters = {"collection": collection, "source": source}
        with self._database.transaction() as connection:
            is_forward = connection.execute(_FORWARD, parameters).rowcount == 1
            if is_forward:
                connection.execute(_UNWANT, parameters)
        return is_forward


def _state(row: Any) -> QueueState:
    value: dict[str, Any] = row.value
    return QueueState(
        name=str(value.get("queue", "")),
        messages=int(value["messages"]),
        recorded=int(value["recorded"]),
        left_to_sweep=int(value["left_to_sweep"]),
        ignored=int(value["ignored"]),
        dead=int(value["dead"]),
        waiting=value.get("waiting"),
        in_flight=value.get("in_flight"),
        looked_at=row.moved_at,
        received_at=row.received_at,
        oldest_s=value.get("oldest_s"),
    )


_PRESENT = text("""
SELECT key FROM observations
WHERE collection = :collection AND source = :source AND key = ANY(CAST(:keys AS text[])) AND presence = 'present'
""")

# What runs look at when they come: one that is processed may have looked before the message was sent.
_DUE_UNSEEN = text("""
SELECT o.key FROM observations o JOIN arrivals a ON a.collection = o.collection AND a.number = o.number
WHERE o.collection = :collection AND o.source = :source AND o.key = ANY(CAST(:keys AS text[]))
    AND o.presence = 'present' AND o.announced = '' AND a.state IN ('pending', 'retrying')
""")

_TOUCH = text("""
INSERT INTO positions (collection, source, value, version) VALUES (:collection, :source || '/queue', '{}', 1)
ON CONFLICT (collection, source) DO UPDATE SET value = positions.value
""")

_FORGET = text("""
DELETE FROM positions WHERE collection = :collection AND source LIKE '%/queue'
    AND split_part(source, '/', 1) <> ALL(CAST(:declared AS text[]))
""")

_COUNTS = "messages", "recorded", "left_to_sweep", "ignored", "dead"
_ADDED = ", ".join(
    f"'{name}', coalesce(CAST(positions.value ->> '{name}' AS bigint), 0) + CAST(:{name} AS bigint)" for name in _COUNTS
)
_FIRST = ", ".join(f"'{name}', CAST(:{name} AS bigint)" for name in _COUNTS)
_READ_AT = "CASE WHEN CAST(:was_read AS boolean) THEN jsonb_build_object('received_at', now()) ELSE '{}' END"

_NOTE = text(
    f"""
INSERT INTO positions (collection, source, value, version)
VALUES (:collection, :source || '/queue', :now || jsonb_build_object({_FIRST}) || {_READ_AT}, 1)
ON CONFLICT (collection, source) DO UPDATE SET moved_at = now(), version = positions.version + 1,
    value = positions.value || :now || jsonb_build_object({_ADDED}) || {_READ_AT}
"""  # noqa: S608 - constants of this module
).bindparams(bindparam("now", type_=JSONB))

_OVER = text("DELETE FROM positions WHERE collection = :collection AND source = :source || '/trouble'")

_STATES = text("""
SELECT split_part(source, '/', 1) AS source, value, moved_at,
       CAST(value ->> 'received_at' AS timestamptz) AS received_at
FROM positions WHERE collection = :collection AND source LIKE '%/queue' AND value ? 'queue'
""")

# As after a restore: a sweep that has no last one is due.
_FORWARD = text("""
UPDATE positions SET value = value || '{"last": null}', version = version + 1
WHERE collection = :collection AND source = :source AND value -> 'running' = 'null' AND value ? 'last'
""")

_WANT = text("""
INSERT INTO positions (collection, source, value, version)
VALUES (:collection, :source || '/queue', '{"sweep_wanted": true}', 1)
ON CONFLICT (collection, source) DO UPDATE SET value = positions.value || excluded.value
""")

_WANTED = text("""
SELECT split_part(source, '/', 1) FROM positions
WHERE collection = :collection AND source LIKE '%/queue' AND value ? 'sweep_wanted'
""")

_UNWANT = text("""
UPDATE positions SET value = value - 'sweep_wanted' WHERE collection = :collection AND source = :source || '/queue'
""")
