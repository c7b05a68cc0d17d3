"""Forgetting where a stream stood: what is declared again one day is read from its beginning.

The newest messages go with the position. They would be taken for newer than what is read then.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text


def forget_stream(connection: Connection, collection: str, stream: str) -> None:
    """Forget a stream's position and messages, and what messages said of a source's objects if it is one."""
    connection.execute(_FORGET_POSITION, {"collection": collection, "source": stream})
    connection.execute(_FORGET_MESSAGES, {"collection": collection, "source": stream})


def forget_topics(connection: Connection, collection: str, stream: str, topics: Sequence[str]) -> None:
    """Forget where a stream stood in some of its topics, and their messages; whoever reads meanwhile begins anew."""
    parameters = {"collection": collection, "source": stream, "topics": list(topics)}
    connection.execute(_FORGET_TOPICS, parameters)
    connection.execute(_FORGET_THEIR_MESSAGES, parameters)


# A source's own position has no topics: a sweep goes on where it was.
_FORGET_POSITION = text("""
DELETE FROM positions p WHERE p.collection = :collection AND p.source = :source AND p.value ? 'topics'
""")

_FORGET_MESSAGES = text("DELETE FROM messages WHERE collection = :collection AND source = :source")

_FORGET_TOPICS = text("""
UPDATE positions SET value = jsonb_set(value, '{topics}', (value -> 'topics') - CAST(:topics AS text[])),
    version = version + 1, moved_at = now()
WHERE collection = :collection AND source = :source AND value ? 'topics'
""")

_FORGET_THEIR_MESSAGES = text("""
DELETE FROM messages m USING unnest(CAST(:topics AS text[])) AS topics (topic)
WHERE m.collection = :collection AND m.source = :source AND m.key > topics.topic || '/' AND m.key < topics.topic || '0'
""")
