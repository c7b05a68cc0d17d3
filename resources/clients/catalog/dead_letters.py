"""Messages that fit no form, as people look at them: by stream, by kind, one with its bytes, replayed or discarded.

They are written by ``messages.record``, in the transaction that passes them. One that was replayed with success, or
discarded, is settled: it is kept, and shown only where it is asked for.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from rag_core.messages.dead_letters import NewDeadLetter
from rag_core.messages.ordering import MessagePlace
from resources.clients.catalog.database import Database
from resources.clients.catalog.outbox import decoded_headers, encoded_headers
from resources.clients.catalog.values import (
    DeadLetter,
    DeadLetterFilter,
    DeadLetterPage,
    DeadLetterRow,
    ReplayedRange,
)

MAX_PAGE = 1000


class DeadLetters:
    """What a person asks of dead letters, and does with them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, which: DeadLetterFilter, *, before: int | None = None, limit: int = 50) -> DeadLetterPage:
        """Return dead letters, newest first, those with an id below ``before``."""
        limit = min(limit, MAX_PAGE)
        parameters = {**_asked(which), "before": before, "limit": limit + 1}
        with self._database.transaction() as connection:
            rows = connection.execute(_PAGE, parameters).all()
        letters = [_row(row) for row in rows[:limit]]
        return DeadLetterPage(letters=letters, next_before=letters[-1].id if len(rows) > limit else None)

    def count(self, which: DeadLetterFilter) -> int:
        """Return how many dead letters are meant."""
        with self._database.transaction() as connection:
            return connection.execute(_COUNT, _asked(which)).scalar_one()

    def find(self, number: int) -> DeadLetter | None:
        """Return one with its bytes."""
        with self._database.transaction() as connection:
            row = connection.execute(_ONE, {"id": number}).one_or_none()
        return None if row is None else _letter(row)

    def discard(self, numbers: Sequence[int]) -> int:
        """Settle dead letters that nobody wants to replay; return how many were open."""
        with self._database.transaction() as connection:
            return connection.execute(_SETTLE, {"ids": list(numbers)}).rowcount

    def discard_all(self, which: DeadLetterFilter) -> int:
        """Settle every open one that is meant; return how many."""
        with self._database.transaction() as connection:
            return connection.execute(_SETTLE_ALL, _asked(which)).rowcount

    def count_replay(self, number: int) -> None:
        """Count a replay that came to nothing because the message is not to be had."""
        with self._database.transaction() as connection:
            connection.execute(_COUNT_REPLAY, {"id": number})

    def open_by_partition(self, collection: str) -> Mapping[tuple[str, str, int], int]:
        """Return how many wait, by stream, topic and partition."""
        with self._database.transaction() as connection:
            rows = connection.execute(_BY_PARTITION, {"collection": collection}).all()
        return {(row.source, row.topic, row.partition): row.letters for row in rows}


def write_dead_letters(
    connection: Connection, collection: str, source: str, dead: Sequence[NewDeadLetter], *, is_replay: bool
) -> None:
    """Write messages that fit no form, in the caller's transaction; one that is known is the same one still.

    A settled one that is only met again (a partition is read again) stays settled. One that a replay settled is open
    again when a later replay finds it broken; one that was discarded stays so unless something else is wrong with it.
    """
    if not dead:
        return
    connection.execute(
        _WRITE,
        [
            {
                "collection": collection,
                "source": source,
                "topic": letter.topic,
                "incarnation": letter.place.incarnation,
                "partition": letter.place.partition,
                "offset": letter.place.offset,
                "timestamp_ms": letter.place.timestamp_ms,
                "key": letter.key,
                "value": letter.value,
                "headers": encoded_headers(letter.headers),
                "value_bytes": letter.value_bytes,
                "kind": letter.kind,
                "reason": letter.reason,
                "remedy": letter.remedy,
                "is_replay": is_replay,
            }
            for letter in dead
        ],
    )


def settle_replayed(
    connection: Connection, collection: str, source: str, replayed: ReplayedRange, dead: Sequence[NewDeadLetter]
) -> None:
    """Settle what a replay read again and found to fit, in the transaction that records it; ``dead`` does not."""
    connection.execute(
        _SETTLE_REPLAYED,
        {
            "collection": collection,
            "source": source,
            "topic": replayed.topic,
            "incarnation": replayed.incarnation,
            "partition": replayed.partition,
            "first": replayed.first,
            "end": replayed.end,
            "dead": [letter.place.offset for letter in dead],
        },
    )


def _asked(which: DeadLetterFilter) -> dict[str, Any]:
    return {
        "collection": which.collection,
        "source": which.source,
        "topic": which.topic,
        "kind": which.kind,
        "with_settled": which.with_settled,
    }


def place_of(row: Any) -> MessagePlace:
    """Return where the message of a row stands, whichever table it is of."""
    return MessagePlace(
        incarnation=row.incarnation,
        partition=row.partition,
        offset=row.record_offset,
        timestamp_ms=row.timestamp_ms,
    )


def _row(row: Any) -> DeadLetterRow:
    return DeadLetterRow(
        id=row.id,
        collection=row.collection,
        source=row.source,
        topic=row.topic,
        place=place_of(row),
        key=_bytes(row.key),
        value_bytes=row.value_bytes,
        is_kept=row.is_kept,
        kind=row.kind,
        reason=row.reason,
        remedy=row.remedy,
        recorded_at=row.recorded_at,
        replays=row.replays,
        replayed_at=row.replayed_at,
        settled_at=row.settled_at,
    )


def _letter(row: Any) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        collection=row.collection,
        source=row.source,
        letter=NewDeadLetter(
            topic=row.topic,
            place=place_of(row),
            key=_bytes(row.key),
            value=_bytes(row.value),
            value_bytes=row.value_bytes,
            headers=decoded_headers(row.headers),
            kind=row.kind,
            reason=row.reason,
            remedy=row.remedy,
        ),
        recorded_at=row.recorded_at,
        replays=row.replays,
        replayed_at=row.replayed_at,
        settled_at=row.settled_at,
    )


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


_MEANT = """
(:collection = '' OR collection = :collection) AND (:source = '' OR source = :source)
    AND (:topic = '' OR topic = :topic) AND (:kind = '' OR kind = :kind)
    AND (CAST(:with_settled AS boolean) OR settled_at IS NULL)
"""

_PAGE = text(
    f"""
SELECT id, collection, source, topic, incarnation, partition, record_offset, timestamp_ms, key, value_bytes,
       value IS NOT NULL OR value_bytes = 0 AS is_kept, kind, reason, remedy, recorded_at, replays, replayed_at,
       settled_at
FROM dead_letters WHERE {_MEANT} AND (CAST(:before AS bigint) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit
"""  # noqa: S608 - constants of this module
)

_COUNT = text(f"SELECT count(*) FROM dead_letters WHERE {_MEANT}")  # noqa: S608 - constants of this module

_ONE = text("SELECT * FROM dead_letters WHERE id = :id")

_SETTLE = text("""
UPDATE dead_letters SET settled_at = clock_timestamp() WHERE id = ANY(CAST(:ids AS bigint[])) AND settled_at IS NULL
""")

_SETTLE_ALL = text(
    f"""
UPDATE dead_letters SET settled_at = clock_timestamp() WHERE settled_at IS NULL AND {_MEANT}
"""  # noqa: S608 - constants of this module
)

_COUNT_REPLAY = text("""
UPDATE dead_letters SET replays = replays + 1, replayed_at = clock_timestamp() WHERE id = :id
""")

_BY_PARTITION = text("""
SELECT source, topic, partition, count(*) AS letters FROM dead_letters
WHERE collection = :collection AND settled_at IS NULL GROUP BY source, topic, partition
""")

_WRITE = text("""
INSERT INTO dead_letters AS d (collection, source, topic, incarnation, partition, record_offset, timestamp_ms, key,
                               value, headers, value_bytes, kind, reason, remedy)
VALUES (:collection, :source, :topic, :incarnation, :partition, :offset, :timestamp_ms, :key, :value, :headers,
        :value_bytes, :kind, :reason, :remedy)
ON CONFLICT (collection, source, topic, incarnation, partition, record_offset) DO UPDATE SET
    kind = excluded.kind, reason = excluded.reason, remedy = excluded.remedy,
    settled_at = CASE WHEN CAST(:is_replay AS boolean)
                      AND (d.kind <> excluded.kind OR d.settled_at IS NOT DISTINCT FROM d.replayed_at)
                 THEN NULL ELSE d.settled_at END,
    replays = d.replays + CASE WHEN CAST(:is_replay AS boolean) THEN 1 ELSE 0 END,
    replayed_at = CASE WHEN CAST(:is_replay AS boolean) THEN clock_timestamp() ELSE d.replayed_at END
""").bindparams(bindparam("headers", type_=JSONB))

# Both times are one: that tells it from a letter that was discarded.
_SETTLE_REPLAYED = text("""
UPDATE dead_letters SET settled_at = now(), replays = replays + 1, replayed_at = now()
WHERE collection = :collection AND source = :source AND topic = :topic AND incarnation = :incarnation
    AND partition = :partition AND record_offset >= :first AND record_offset < :end
    AND record_offset <> ALL(CAST(:dead AS bigint[])) AND settled_at IS NULL
""")
