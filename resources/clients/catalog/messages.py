"""Messages of streams: recorded with the position that passed them, kept while they are their key's newest.

In one transaction, in this order:

1. Move the position if nobody moved it: of two recorders of one stream the second records nothing. The position's row
   is also the lock under which a stream's messages are compared and replaced.
2. Stage by COPY, bytes included; drop what is not newer, in Kafka's order, than what is known of its key: a replayed
   or late message never brings old text back.
3. Keep the newest message of each key in place of the one before: the bytes are durable before the position is.
4. Write down what fits no form, what is to be sent because of it, and what is said of objects.
5. Number the arrivals, those of objects that messages announced too; the collection's counter comes last of all locks.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, text

from rag_core.arrivals import Observation
from rag_core.identity import document_id
from resources.clients.catalog.database import Database
from resources.clients.catalog.dead_letters import place_of, settle_replayed, write_dead_letters
from resources.clients.catalog.descriptions import describe
from resources.clients.catalog.growing import count_anew_when_grown
from resources.clients.catalog.numbering import number_staged, open_staging, stage
from resources.clients.catalog.outbox import put_into_outbox
from resources.clients.catalog.recording import move_position
from resources.clients.catalog.values import (
    DescribedObject,
    HeldMessage,
    NewDeadLetter,
    OutboxMessage,
    PartitionLimits,
    PositionChange,
    Recorded,
    RecordedMessages,
    ReplayedRange,
    StreamedMessage,
)


class Messages:
    """What a stream's recorders write and what runs read of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self,
        collection: str,
        source: str,
        messages: Sequence[StreamedMessage],
        *,
        limits: PartitionLimits,
        position: PositionChange | None,
        hints: Mapping[str, Sequence[Observation]] | None = None,
        dead: Sequence[NewDeadLetter] = (),
        described: Sequence[DescribedObject] = (),
        outbox: Sequence[OutboxMessage] = (),
        replay: str = "",
        replayed: ReplayedRange | None = None,
        met: Sequence[tuple[str, int]] = (),
    ) -> RecordedMessages:
        """Record messages, dead letters and hints at objects (by source), all or nothing.

        ``messages`` are in the order in which they were read, of one key each newer than the one before. With
        ``replay`` (its id), a message that equals what is known of its key is an arrival again, and dead letters of
        the ``replayed`` range that are not in ``dead`` any more are settled. ``described`` is what messages say of
        objects, one of each: what is newer than what is known is kept, and a change makes the document due. ``met``
        are keys, with the reading, whose message fits no form: they are there, and what is known of them stays. Raises
        ``PositionMoved`` (nothing recorded) when another recorder moved the position.
        """
        with self._database.transaction() as connection:
            connection.execute(text("SET LOCAL statement_timeout = '10min'"))
            if position is not None:
                move_position(connection, collection, source, position)
            else:
                connection.execute(_LOCK, {"collection": collection, "source": source})
            kept = _stage(connection, collection, source, messages, replay=replay)
            connection.execute(_KEEP, {"collection": collection, "source": source})
            if met:
                connection.execute(
                    _MET,
                    {
                        "collection": collection,
                        "source": source,
                        "keys": [key for key, _ in met],
                        "readings": [reading for _, reading in met],
                    },
                )
            write_dead_letters(connection, collection, source, dead, is_replay=bool(replay))
            if replayed is not None:
                settle_replayed(connection, collection, source, replayed, dead)
            put_into_outbox(connection, collection, outbox)
            changed = describe(connection, collection, described)
            open_staging(connection)
            connection.execute(_OBSERVE, {"replay": replay})
            recorded = number_staged(connection, collection, source, staged=kept, limits=limits)
            hinted = 0
            for name, seen in (hints or {}).items():
                keys = {each.key for each in seen}
                again = sorted(key for source, key in changed if source == name and key in keys)
                hinted += _hint(connection, collection, name, seen, limits, again=again).new
        count_anew_when_grown(self._database, recorded)
        return RecordedMessages(recorded=recorded, superseded=len(messages) - kept, hinted=hinted, dead=len(dead))

    def held(self, collection: str, source: str, key: str) -> HeldMessage | None:
        """Return a key's newest message; None where it is gone, or concluded to be."""
        with self._database.transaction() as connection:
            row = connection.execute(HELD, {"collection": collection, "source": source, "key": key}).one_or_none()
        if row is None:
            return None
        return HeldMessage(
            topic=row.topic,
            place=place_of(row),
            etag=row.etag,
            media_type=row.media_type,
            details=row.details,
            size_bytes=row.size_bytes,
        )

    def body(self, collection: str, source: str, key: str, *, etag: str) -> bytes | None:
        """Return the bytes of a key's newest message if it still is the one of that ``etag``."""
        parameters = {"collection": collection, "source": source, "key": key, "etag": etag}
        with self._database.transaction() as connection:
            return connection.execute(_BODY, parameters).scalar_one_or_none()

    def missing_after(self, collection: str, source: str, topic: str, partition: int, reading: int) -> list[str]:
        """Return the present keys of a partition that a whole reading did not meet, bytewise."""
        parameters = {
            "collection": collection,
            "source": source,
            "first": f"{topic}/",
            "last": f"{topic}0",  # the character after the slash
            "partition": partition,
            "reading": reading,
        }
        with self._database.transaction() as connection:
            return list(connection.execute(_NOT_MET, parameters).scalars())


def _stage(
    connection: Connection, collection: str, source: str, messages: Sequence[StreamedMessage], *, replay: str
) -> int:
    """Stage what is newer than what is known; return how many."""
    connection.execute(_STAGE)
    if not messages:
        return 0
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    with raw.cursor() as cursor, cursor.copy(_COPY) as copy:
        for ord_, seen in enumerate(messages, start=1):
            place = seen.place
            copy.write_row(
                (
                    ord_,
                    document_id(collection, seen.uri),
                    seen.key,
                    seen.uri,
                    seen.topic,
                    place.incarnation,
                    place.partition,
                    place.offset,
                    place.timestamp_ms,
                    seen.presence.value,
                    seen.etag,
                    seen.media_type,
                    seen.details,
                    seen.body,
                    len(seen.body or b""),
                    seen.reading,
                    seen.traceparent or None,
                )
            )
    parameters = {"collection": collection, "source": source, "again": bool(replay)}
    connection.execute(_MET_AGAIN, parameters)
    return len(messages) - connection.execute(_DROP_OLD, parameters).rowcount


def _hint(
    connection: Connection,
    collection: str,
    source: str,
    seen: Sequence[Observation],
    limits: PartitionLimits,
    *,
    again: Sequence[str],
) -> Recorded:
    connection.execute(text("DELETE FROM staged"))
    last = {each.key: each for each in seen}  # of several looks at an object the last one counts
    staged = stage(connection, collection, last.values())
    return number_staged(connection, collection, source, staged=staged, limits=limits, again=again)


_LOCK = text("SELECT 1 FROM positions WHERE collection = :collection AND source = :source FOR UPDATE")

_STAGE = text("""
CREATE TEMPORARY TABLE IF NOT EXISTS staged_messages (
    ord bigint NOT NULL, document_id uuid NOT NULL, key text COLLATE "C" NOT NULL, uri text COLLATE "C" NOT NULL,
    topic text NOT NULL, incarnation integer NOT NULL, partition integer NOT NULL, record_offset bigint NOT NULL,
    timestamp_ms bigint NOT NULL, presence text NOT NULL, etag text NOT NULL, media_type text NOT NULL,
    details text NOT NULL, body bytea, size_bytes bigint NOT NULL, reading bigint NOT NULL, traceparent text
) ON COMMIT DELETE ROWS
""")
_COPY = b"""COPY staged_messages (ord, document_id, key, uri, topic, incarnation, partition, record_offset,
timestamp_ms, presence, etag, media_type, details, body, size_bytes, reading, traceparent) FROM STDIN"""

# LATERAL with LIMIT keeps it a look-up by primary key, whatever the planner believes of the temporary table.
_KNOWN = """
SELECT s.ord, s.reading AS met_in, m.key, m.reading, s.incarnation = m.incarnation AND s.partition = m.partition
           AND s.record_offset = m.record_offset AS is_same,
       CASE WHEN s.incarnation <> m.incarnation THEN s.incarnation > m.incarnation
            WHEN s.partition = m.partition THEN s.record_offset > m.record_offset
            ELSE (s.timestamp_ms, s.partition, s.record_offset) > (m.timestamp_ms, m.partition, m.record_offset)
       END AS is_newer
FROM staged_messages s JOIN LATERAL (
    SELECT key, incarnation, partition, record_offset, timestamp_ms, reading FROM messages
    WHERE collection = :collection AND source = :source AND key = s.key LIMIT 1
) m ON true
"""

_DROP_OLD = text(
    f"""
DELETE FROM staged_messages USING ({_KNOWN}) known
WHERE staged_messages.ord = known.ord AND NOT known.is_newer AND NOT (:again AND known.is_same)
"""  # noqa: S608 - constants
)

_MET_AGAIN = text(
    f"""
UPDATE messages m SET reading = known.met_in FROM ({_KNOWN}) known
WHERE m.collection = :collection AND m.source = :source AND m.key = known.key AND known.is_same
    AND known.met_in > known.reading
"""  # noqa: S608 - constants
)

_KEEP = text("""
INSERT INTO messages (collection, source, key, topic, incarnation, partition, record_offset, timestamp_ms, presence,
                      etag, media_type, details, body, size_bytes, reading, recorded_at)
SELECT DISTINCT ON (key) :collection, :source, key, topic, incarnation, partition, record_offset, timestamp_ms,
       presence, etag, media_type, details, body, size_bytes, reading, clock_timestamp()
FROM staged_messages ORDER BY key, ord DESC
ON CONFLICT (collection, source, key) DO UPDATE SET topic = excluded.topic, incarnation = excluded.incarnation,
    partition = excluded.partition, record_offset = excluded.record_offset, timestamp_ms = excluded.timestamp_ms,
    presence = excluded.presence, etag = excluded.etag, media_type = excluded.media_type, details = excluded.details,
    body = excluded.body, size_bytes = excluded.size_bytes, reading = greatest(messages.reading, excluded.reading),
    recorded_at = excluded.recorded_at
""")

_MET = text("""
UPDATE messages m SET reading = greatest(m.reading, met.reading)
FROM unnest(CAST(:keys AS text[]), CAST(:readings AS bigint[])) AS met (key, reading)
WHERE m.collection = :collection AND m.source = :source AND m.key = met.key AND m.reading < met.reading
""")

_OBSERVE = text("""
INSERT INTO staged (ord, document_id, key, uri, presence, announced, size_bytes, traceparent)
SELECT ord, document_id, key, uri, presence,
       incarnation || '/' || partition || '/' || record_offset
           || CASE WHEN :replay = '' THEN '' ELSE '@' || :replay END, size_bytes, traceparent
FROM staged_messages
""")

# A deletion that was concluded otherwise (a removed source, a partition read again) is in the observations alone.
HELD = text("""
SELECT m.topic, m.incarnation, m.partition, m.record_offset, m.timestamp_ms, m.etag, m.media_type, m.details,
       m.size_bytes
FROM messages m JOIN observations o ON o.collection = m.collection AND o.source = m.source AND o.key = m.key
WHERE m.collection = :collection AND m.source = :source AND m.key = :key
    AND m.presence = 'present' AND o.presence = 'present'
""")

_BODY = text("""
SELECT body FROM messages
WHERE collection = :collection AND source = :source AND key = :key AND etag = :etag AND presence = 'present'
""")

_NOT_MET = text("""
SELECT m.key FROM messages m JOIN observations o USING (collection, source, key)
WHERE collection = :collection AND source = :source AND key > :first AND key < :last AND m.partition = :partition
    AND m.reading < :reading AND m.presence = 'present' AND o.presence = 'present'
ORDER BY key
""")
