"""Recording that objects are gone: read from the catalog's own rows, so no list of keys passes through this process."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from resources.clients.catalog.numbering import number_staged, open_staging
from resources.clients.catalog.values import PartitionLimits, Recorded


def record_candidates_gone(
    connection: Connection, collection: str, source: str, sweep_id: UUID, first_number: int, limits: PartitionLimits
) -> Recorded:
    """Record a sweep's candidates as gone and forget them; what was seen since the sweep began is left alone."""
    recorded = _record(connection, _CANDIDATES, collection, source, sweep_id, first_number, limits)
    connection.execute(_FORGET, {"collection": collection, "source": source, "sweep_id": sweep_id})
    return recorded


def record_all_gone(
    connection: Connection, collection: str, source: str, first_number: int, limits: PartitionLimits
) -> Recorded:
    """Record everything as gone that the source held when ``first_number`` was the next number."""
    return _record(connection, _EVERYTHING, collection, source, None, first_number, limits)


def record_topics_gone(
    connection: Connection,
    collection: str,
    stream: str,
    topics: Sequence[str],
    first_number: int,
    limits: PartitionLimits,
) -> Recorded:
    """Record every document of a stream's topics as gone that was known when ``first_number`` was the next number."""
    return _record(connection, _OF_TOPICS, collection, stream, None, first_number, limits, topics=topics)


def accept_globs(connection: Connection, collection: str, source: str) -> None:
    """From now on, what the declared globs leave out may be deleted."""
    connection.execute(_ACCEPT_GLOBS, {"collection": collection, "source": source})


def _record(
    connection: Connection,
    statement: TextClause,
    collection: str,
    source: str,
    sweep_id: UUID | None,
    first_number: int,
    limits: PartitionLimits,
    *,
    topics: Sequence[str] = (),
) -> Recorded:
    open_staging(connection)
    parameters: dict[str, Any] = {"collection": collection, "source": source, "first_number": first_number}
    if sweep_id is not None:
        parameters["sweep_id"] = sweep_id
    if topics:
        parameters["topics"] = list(topics)
    staged = connection.execute(statement, parameters).rowcount
    return number_staged(connection, collection, source, staged=staged, limits=limits, older_than=first_number)


# A source that was only renamed holds the same documents under its new name: they are not gone.
_CANDIDATES = text("""
INSERT INTO staged (ord, document_id, key, uri, presence, announced, size_bytes)
SELECT row_number() OVER (ORDER BY o.key), o.document_id, o.key, o.uri, 'gone', '', 0
FROM sweep_missing m
JOIN observations o ON o.collection = m.collection AND o.source = m.source AND o.key = m.key
WHERE m.collection = :collection AND m.source = :source AND m.sweep_id = :sweep_id
    AND o.presence = 'present' AND o.number < :first_number AND NOT EXISTS (
        SELECT 1 FROM observations p WHERE p.collection || '' = o.collection AND p.uri_start = o.uri_start
            AND p.document_id = o.document_id AND p.source <> o.source AND p.presence = 'present')
""")

_EVERYTHING = text("""
INSERT INTO staged (ord, document_id, key, uri, presence, announced, size_bytes)
SELECT row_number() OVER (ORDER BY o.key), o.document_id, o.key, o.uri, 'gone', '', 0 FROM observations o
WHERE o.collection = :collection AND o.source = :source AND o.presence = 'present' AND o.number < :first_number
    AND NOT EXISTS (
        SELECT 1 FROM observations p WHERE p.collection || '' = o.collection AND p.uri_start = o.uri_start
            AND p.document_id = o.document_id AND p.source <> o.source AND p.presence = 'present')
""")

# From the topic's name and a slash to the character after the slash: a range of the primary key.
_OF_TOPICS = text("""
INSERT INTO staged (ord, document_id, key, uri, presence, announced, size_bytes)
SELECT row_number() OVER (ORDER BY o.key), o.document_id, o.key, o.uri, 'gone', '', 0
FROM unnest(CAST(:topics AS text[])) AS topics (topic)
JOIN observations o ON o.collection = :collection AND o.source = :source
    AND o.key > topics.topic || '/' AND o.key < topics.topic || '0'
WHERE o.presence = 'present' AND o.number < :first_number AND NOT EXISTS (
    SELECT 1 FROM observations p WHERE p.collection || '' = o.collection AND p.uri_start = o.uri_start
        AND p.document_id = o.document_id AND p.source <> o.source AND p.presence = 'present')
""")

_FORGET = text("""
DELETE FROM sweep_missing WHERE collection = :collection AND source = :source AND sweep_id = :sweep_id
""")

_ACCEPT_GLOBS = text("""
UPDATE sources SET accepted_globs = declared_globs
WHERE collection = :collection AND source = :source AND accepted_globs <> declared_globs
""")
