"""The catalog's figures for monitoring: all collections in one bounded look, as one moment shows them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from rag_core.arrivals import ArrivalState
from rag_core.streaming import StreamState
from resources.clients.catalog.database import Database
from resources.clients.catalog.sweep_accounts import ACCOUNTS
from resources.clients.catalog.tallies import BOUNDS_S, SEARCHABLE

TIMEOUT_S = 5.0
"""How long one statement may take; a look that takes longer is given up."""

_LATELY_S = 900.0
"""How long it is believed how many messages wait in a queue that nobody reads any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Searchable:
    """How long arrivals took to become searchable, counted for ever: how many within each bound, all, seconds."""

    within: Mapping[float, int]
    arrivals: int
    seconds: float


@dataclass(slots=True, kw_only=True)
class CollectionFigures:
    """One collection: documents by state, what waits, what came of arrivals; keys of dead letters and lag are named."""

    documents: dict[ArrivalState, int] = field(default_factory=lambda: dict.fromkeys(ArrivalState, 0))
    oldest_pending_s: float = 0.0
    settled: dict[str, int] = field(default_factory=dict[str, int])
    searchable: Searchable = field(default_factory=lambda: _searchable({}))
    dead_letters: dict[str, int] = field(default_factory=dict[str, int])
    """By stream."""
    lag: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """By stream and topic: offsets left when the topic was recorded last."""
    queued: dict[str, int] = field(default_factory=dict[str, int])
    """By source: messages that waited in its queue when that was looked at last, lately."""
    queue_read_age_s: dict[str, float] = field(default_factory=dict[str, float])
    """By source: how long ago its queue was read last, or tried for the first time."""
    sweep_age_s: dict[str, float] = field(default_factory=dict[str, float])
    """By source: how long ago its last sweep was complete, or the first was tried where none was."""
    sweep_overdue_s: dict[str, float] = field(default_factory=dict[str, float])
    """By source: for how long a sweep has been due that did not come on; 0 while they are on time, or it is stopped."""
    outbox: int = 0
    stopped_sources: int = 0
    points: int = 0
    """How many the active index must hold."""


class Figures:
    """Read-only; one transaction, in which every statement is bounded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(
        self, *, timeout_s: float = TIMEOUT_S, sweeps_of: Callable[[str, str], bool] | None = None
    ) -> dict[str, CollectionFigures]:
        """Return the figures of every collection that anything is known of; raises ``DependencyUnavailable``.

        ``sweeps_of`` says for a collection and a source whether it is to be swept; without it, each is.
        """
        found: dict[str, CollectionFigures] = {}

        def of(collection: str) -> CollectionFigures:
            return found.setdefault(collection, CollectionFigures())

        with self._database.transaction() as connection:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            connection.execute(_LIMIT, {"limit": f"{int(timeout_s * 1000)}ms"})
            for name in connection.execute(_COLLECTIONS).scalars():
                of(name)
            for row in connection.execute(_BY_STATE):
                of(row.collection).documents[ArrivalState(row.state)] = row.documents
            for name, figures in found.items():
                oldest_s = connection.execute(_OLDEST, {"collection": name}).scalar_one()
                figures.oldest_pending_s = max(0.0, oldest_s or 0.0)
            _add_tallies(connection, of)
            for row in connection.execute(_DEAD):
                of(row.collection).dead_letters[row.source] = row.letters
            for row in connection.execute(_POSITIONS):
                for topic, state in StreamState.from_json(row.value).topics.items():
                    of(row.collection).lag[row.source, topic] = sum(part.lag for part in state.partitions.values())
                of(row.collection).dead_letters.setdefault(row.source, 0)
            _add_queues(connection, of)
            _add_sweeps(connection, of, sweeps_of)
            for row in connection.execute(_OUTBOX):
                of(row.collection).outbox = row.messages
            for row in connection.execute(_STOPPED):
                of(row.collection).stopped_sources = row.sources
            for row in connection.execute(_POINTS):
                of(row.collection).points = int(row.points)
        return found


def _add_tallies(connection: Connection, of: Any) -> None:
    buckets: dict[str, dict[float, tuple[int, float]]] = {}
    for row in connection.execute(_TALLIES):
        if row.kind == SEARCHABLE:
            buckets.setdefault(row.collection, {})[row.up_to_s] = (int(row.arrivals), row.seconds)
        else:
            of(row.collection).settled[row.kind] = int(row.arrivals)
    for name, counted in buckets.items():
        of(name).searchable = _searchable(counted)


def _add_queues(connection: Connection, of: Any) -> None:
    for row in connection.execute(_QUEUES):
        of(row.collection).queue_read_age_s[row.source] = max(0.0, row.age_s)
        if row.waiting is not None and row.age_s <= _LATELY_S:
            of(row.collection).queued[row.source] = row.waiting


def _add_sweeps(connection: Connection, of: Any, sweeps_of: Callable[[str, str], bool] | None) -> None:
    for row in connection.execute(ACCOUNTS):
        if sweeps_of is None or sweeps_of(row.collection, row.source):
            of(row.collection).sweep_age_s[row.source] = max(0.0, row.age_s)
            of(row.collection).sweep_overdue_s[row.source] = row.overdue_s


def _searchable(counted: Mapping[float, tuple[int, float]]) -> Searchable:
    """Add buckets up; those of bounds that an older version had count under the next bound there is."""
    return Searchable(
        within={bound: sum(each for up_to_s, (each, _) in counted.items() if up_to_s <= bound) for bound in BOUNDS_S},
        arrivals=sum(each for each, _ in counted.values()),
        seconds=sum(seconds for _, seconds in counted.values()),
    )


_LIMIT = text("SELECT set_config('statement_timeout', :limit, true)")

_COLLECTIONS = text("SELECT collection FROM collections ORDER BY collection")

_BY_STATE = text("""
SELECT o.collection, a.state, count(DISTINCT o.document_id) AS documents
FROM observations o JOIN arrivals a ON a.collection = o.collection AND a.number = o.number
GROUP BY o.collection, a.state
""")

# Numbers are given in the order of recording: the first of each state by the index is its oldest, whatever waits.
_OLDEST = text("""
SELECT extract(epoch FROM clock_timestamp() - min(first.recorded_at))::double precision
FROM unnest(ARRAY['pending', 'processing', 'retrying']) AS open (state), LATERAL (
    SELECT recorded_at FROM arrivals WHERE collection = :collection AND state = open.state
    ORDER BY number LIMIT 1) first
""")

_TALLIES = text("""
SELECT collection, kind, up_to_s, sum(arrivals) AS arrivals, sum(seconds) AS seconds
FROM tallies GROUP BY collection, kind, up_to_s
""")

_DEAD = text("""
SELECT collection, source, count(*) AS letters FROM dead_letters WHERE settled_at IS NULL GROUP BY collection, source
""")

_POSITIONS = text("SELECT collection, source, value FROM positions WHERE value -> 'topics' IS NOT NULL")

# Of a collection that is not declared any more nobody forgets the queues: after a week they are not shown.
_QUEUES = text("""
SELECT collection, split_part(source, '/', 1) AS source, CAST(value ->> 'waiting' AS bigint) AS waiting,
    extract(epoch FROM clock_timestamp() - moved_at)::double precision AS age_s
FROM positions WHERE source LIKE '%/queue' AND moved_at > now() - interval '7 days'
""")

_OUTBOX = text("SELECT collection, count(*) AS messages FROM outbox GROUP BY collection")

_STOPPED = text("""
SELECT collection, count(DISTINCT source) AS sources FROM stops WHERE confirmed_at IS NULL GROUP BY collection
""")

_POINTS = text("""
SELECT held.collection, sum(held.chunks) AS points
FROM document_indexes held JOIN indexes ON indexes.physical_name = held.index_name AND indexes.is_active
GROUP BY held.collection
""")
