"""What messages say of objects that folders and buckets hold: the newest message about each object, and no more.

Rows stand in ``messages`` beside those of streams: the source is the object's own, the key its key, and there are no
bytes. The newest wins in Kafka's order: within a topic as for documents, between topics by the records' timestamps. One
that says nothing, or that the object is gone, is kept as well, so that an older one that is read late changes nothing.
"""

from collections.abc import Collection as Several
from collections.abc import Sequence

from sqlalchemy import Connection, text

from rag_core.descriptions import Description
from resources.clients.catalog.database import Database
from resources.clients.catalog.growing import count_anew_when_grown
from resources.clients.catalog.numbering import number_staged, open_staging
from resources.clients.catalog.values import DescribedObject, PartitionLimits, Recorded


class Descriptions:
    """What runs read of them, and the end of those whose message is gone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, collection: str, source: str, key: str) -> Description | None:
        """Return what the newest message says of an object; None where none says anything."""
        with self._database.transaction() as connection:
            row = connection.execute(_OF, {"collection": collection, "source": source, "key": key}).one_or_none()
        return None if row is None else Description(media_type=row.media_type, details=row.details)

    def forget_unmet(
        self,
        collection: str,
        sources: Sequence[str],
        *,
        topic: str,
        partition: int,
        reading: int,
        limits: PartitionLimits,
    ) -> int:
        """Forget what a whole reading of a partition did not meet any more; its documents are due. Return how many."""
        parameters = {
            "collection": collection,
            "sources": list(sources),
            "topic": topic,
            "partition": partition,
            "reading": reading,
        }
        with self._database.transaction() as connection:
            gone = connection.execute(_FORGET_UNMET, parameters).all()
            recorded = make_due(connection, collection, {(row.source, row.key) for row in gone}, limits)
        for each in recorded:
            count_anew_when_grown(self._database, each)
        return len(gone)


def describe(connection: Connection, collection: str, described: Sequence[DescribedObject]) -> set[tuple[str, str]]:
    """Keep what is newer than what is known, in the caller's transaction; return what changed, as (source, key).

    Rows are locked in one order, whatever the messages' is: two streams may speak of the same objects.
    """
    if not described:
        return set()
    rows = sorted(described, key=lambda each: (each.source.encode(), each.key.encode()))
    columns = {
        "sources": [each.source for each in rows],
        "keys": [each.key for each in rows],
        "topics": [each.topic for each in rows],
        "incarnations": [each.place.incarnation for each in rows],
        "partitions": [each.place.partition for each in rows],
        "offsets": [each.place.offset for each in rows],
        "timestamps": [each.place.timestamp_ms for each in rows],
        "presences": [each.presence.value for each in rows],
        "etags": [each.version for each in rows],
        "media_types": [each.said.media_type for each in rows],
        "details": [each.said.details for each in rows],
        "readings": [each.reading for each in rows],
    }
    asked = {"collection": collection, "sources": columns["sources"], "keys": columns["keys"]}
    before = {(row.source, row.key): row.etag for row in connection.execute(_LOCK, asked)}
    written = connection.execute(_KEEP, {"collection": collection, **columns}).all()
    return {(row.source, row.key) for row in written if row.etag != before.get((row.source, row.key), "")}


def make_due(
    connection: Connection, collection: str, changed: Several[tuple[str, str]], limits: PartitionLimits
) -> list[Recorded]:
    """Record objects that are known to be present once more, as they were seen last; locks the counter."""
    recorded: list[Recorded] = []
    for source in sorted({source for source, _ in changed}):
        keys = [key for name, key in changed if name == source]
        open_staging(connection)
        connection.execute(text("DELETE FROM staged"))
        staged = connection.execute(_STAGE_AGAIN, {"collection": collection, "source": source, "keys": keys}).rowcount
        recorded.append(number_staged(connection, collection, source, staged=staged, limits=limits, again=keys))
    return recorded


_OF = text("""
SELECT media_type, details FROM messages
WHERE collection = :collection AND source = :source AND key = :key AND presence = 'present' AND etag <> ''
""")

_LOCK = text("""
SELECT m.source, m.key, m.etag FROM messages m
JOIN unnest(CAST(:sources AS text[]), CAST(:keys AS text[])) AS said (source, key)
    ON m.source = said.source AND m.key = said.key
WHERE m.collection = :collection ORDER BY m.source, m.key FOR UPDATE OF m
""")

_KEEP = text("""
INSERT INTO messages AS m (collection, source, key, topic, incarnation, partition, record_offset, timestamp_ms,
                           presence, etag, media_type, details, body, size_bytes, reading, recorded_at)
SELECT :collection, source, key, topic, incarnation, partition, record_offset, timestamp_ms, presence, etag, media_type,
       details, NULL, 0, reading, clock_timestamp()
FROM unnest(CAST(:sources AS text[]), CAST(:keys AS text[]), CAST(:topics AS text[]), CAST(:incarnations AS integer[]),
            CAST(:partitions AS integer[]), CAST(:offsets AS bigint[]), CAST(:timestamps AS bigint[]),
            CAST(:presences AS text[]), CAST(:etags AS text[]), CAST(:media_types AS text[]), CAST(:details AS text[]),
            CAST(:readings AS bigint[]))
    AS said (source, key, topic, incarnation, partition, record_offset, timestamp_ms, presence, etag, media_type,
             details, reading)
ORDER BY source COLLATE "C", key COLLATE "C"
ON CONFLICT (collection, source, key) DO UPDATE SET topic = excluded.topic, incarnation = excluded.incarnation,
    partition = excluded.partition, record_offset = excluded.record_offset, timestamp_ms = excluded.timestamp_ms,
    presence = excluded.presence, etag = excluded.etag, media_type = excluded.media_type, details = excluded.details,
    reading = excluded.reading, recorded_at = excluded.recorded_at
WHERE CASE
    WHEN excluded.topic <> m.topic THEN (excluded.timestamp_ms, excluded.topic) > (m.timestamp_ms, m.topic)
    WHEN excluded.incarnation <> m.incarnation THEN excluded.incarnation > m.incarnation
    WHEN excluded.partition = m.partition THEN excluded.record_offset >= m.record_offset
    ELSE (excluded.timestamp_ms, excluded.partition) > (m.timestamp_ms, m.partition)
END
RETURNING source, key, etag
""")

_FORGET_UNMET = text("""
UPDATE messages SET presence = 'gone', etag = '', media_type = '', details = ''
WHERE collection = :collection AND source = ANY(CAST(:sources AS text[])) AND topic = :topic
    AND partition = :partition AND reading < :reading AND presence = 'present' AND etag <> ''
RETURNING source, key
""")

_STAGE_AGAIN = text("""
INSERT INTO staged (ord, document_id, key, uri, presence, announced, size_bytes)
SELECT row_number() OVER (ORDER BY o.key), o.document_id, o.key, o.uri, 'present', o.announced, 0 FROM observations o
WHERE o.collection = :collection AND o.source = :source AND o.key = ANY(CAST(:keys AS text[]))
    AND o.presence = 'present'
""")
