"""Counters of what became of arrivals, written by the commit of the outcomes they count.

They are kept apart from arrivals, whose rows change with every retry and may be deleted one day: a counter that
Prometheus reads must never fall. A collection has ``SHARDS`` rows of each counter; a block always counts in the same
one, so runs on different blocks rarely wait for each other, and then only for the end of a transaction.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, text

from resources.clients.catalog.values import Claim

SHARDS = 16
SEARCHABLE = "searchable"
"""The kind of the counters by seconds from arrival to searchable; every other kind is a state."""

BOUNDS_S = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 21600.0, 86400.0)
"""Upper ends of the buckets; what took longer counts up to infinity."""


def count_outcomes(
    connection: Connection, claim: Claim, states: Iterable[str], searchable: Iterable[datetime], now: datetime
) -> None:
    """Count outcomes by state, and those that became searchable for the first time by when they were recorded.

    The last statement of its transaction but for what is told to others: its rows are locked for no longer.
    """
    arrivals: Counter[tuple[str, float]] = Counter((state, float("inf")) for state in states)
    seconds: defaultdict[tuple[str, float], float] = defaultdict(float)
    for recorded_at in searchable:
        took_s = max(0.0, (now - recorded_at).total_seconds())
        at = bisect_left(BOUNDS_S, took_s)
        bucket = (SEARCHABLE, BOUNDS_S[at] if at < len(BOUNDS_S) else float("inf"))
        arrivals[bucket] += 1
        seconds[bucket] += took_s
    if not arrivals:
        return
    rows = sorted(arrivals)
    connection.execute(
        _COUNT,
        {
            "collection": claim.collection,
            "shard": claim.partition % SHARDS,
            "kinds": [kind for kind, _ in rows],
            "ends": [up_to_s for _, up_to_s in rows],
            "arrivals": [arrivals[row] for row in rows],
            "seconds": [seconds.get(row, 0.0) for row in rows],
        },
    )


_COUNT = text("""
INSERT INTO tallies AS t (collection, shard, kind, up_to_s, arrivals, seconds)
SELECT :collection, :shard, kind, up_to_s, arrivals, seconds
FROM unnest(CAST(:kinds AS text[]), CAST(:ends AS double precision[]), CAST(:arrivals AS bigint[]),
            CAST(:seconds AS double precision[])) AS counted (kind, up_to_s, arrivals, seconds)
ORDER BY kind, up_to_s
ON CONFLICT (collection, shard, kind, up_to_s) DO UPDATE SET
    arrivals = t.arrivals + excluded.arrivals, seconds = t.seconds + excluded.seconds
""")
