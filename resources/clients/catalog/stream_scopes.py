"""What a stream may hold, its file against what was read: a topic taken out, another name for the cluster.

Both take documents away that are known, as a glob taken out of a source does: so both stop red until a person says so.
"""

from collections.abc import Sequence

from sqlalchemy import text

from resources.clients.catalog.database import Database
from resources.clients.catalog.forgetting import forget_stream, forget_topics
from resources.clients.catalog.stops import open_stop
from resources.clients.catalog.values import StopKind

_SCOPES = [StopKind.TOPIC_REMOVED.value, StopKind.CLUSTER_CHANGED.value]


class StreamScopes:
    """Compares what streams declare with what is known of them; one instance for a catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def cluster_of(self, collection: str, stream: str) -> str:
        """Return the name of the cluster that a stream's documents are of; empty where it has none."""
        with self._database.transaction() as connection:
            uri = connection.execute(_ANY_URI, {"collection": collection, "source": stream}).scalar_one_or_none()
        return "" if uri is None else uri.removeprefix("kafka://").partition("/")[0]

    def topics_removed(self, collection: str, stream: str, topics: Sequence[str]) -> bool:
        """Stop a stream that declares ``topics`` no more of which documents are known.

        Those that nothing is known of are forgotten, and with them the position that the caller has: then True.
        """
        names = {"collection": collection, "source": stream}
        with self._database.transaction() as connection:
            found = {
                row.topic: row.present for row in connection.execute(_PRESENT_OF, {**names, "topics": list(topics)})
            }
            empty = [topic for topic, present in found.items() if not present]
            if empty:
                forget_topics(connection, collection, stream, empty)
            held = {topic: present for topic, present in sorted(found.items()) if present}
            if held:
                open_stop(
                    connection,
                    collection,
                    stream,
                    StopKind.TOPIC_REMOVED,
                    f"{', '.join(held)} was taken out of the stream; {sum(held.values())} documents of it are known. "
                    "Put it back, or confirm, and they are deleted.",
                    {"topics": list(held), "present_total": sum(held.values())},
                    sweep=(None, connection.execute(_NEXT_NUMBER, names).scalar_one()),
                )
        return bool(empty)

    def cluster_changed(self, collection: str, stream: str, *, known: str, declared: str) -> bool:
        """Stop a stream whose documents are of another cluster's name; False where it has none, and begins anew."""
        names = {"collection": collection, "source": stream}
        with self._database.transaction() as connection:
            present = connection.execute(_PRESENT, names).scalar_one()
            if not present:
                forget_stream(connection, collection, stream)
                return False
            open_stop(
                connection,
                collection,
                stream,
                StopKind.CLUSTER_CHANGED,
                f"The cluster's name changed from {known} to {declared}; {present} documents are known as "
                f"kafka://{known}/…. Put the name back, or confirm: they are deleted, and the topics are read from "
                f"their beginning as kafka://{declared}/….",
                {"from": known, "to": declared, "present_total": present},
                sweep=(None, connection.execute(_NEXT_NUMBER, names).scalar_one()),
            )
        return True

    def lift(self, collection: str, stream: str, *, cluster: str, topics: Sequence[str]) -> None:
        """Lift stops whose reason is gone: the cluster's name, or any of the topics shown, was put back."""
        with self._database.transaction() as connection:
            connection.execute(
                _LIFT,
                {
                    "collection": collection,
                    "source": stream,
                    "kinds": _SCOPES,
                    "cluster": cluster,
                    "topics": list(topics),
                },
            )


_ANY_URI = text("SELECT uri FROM observations WHERE collection = :collection AND source = :source LIMIT 1")

_PRESENT = text("""
SELECT count(*) FROM observations WHERE collection = :collection AND source = :source AND presence = 'present'
""")

_PRESENT_OF = text("""
SELECT topics.topic, (
    SELECT count(*) FROM observations o WHERE o.collection = :collection AND o.source = :source
        AND o.key > topics.topic || '/' AND o.key < topics.topic || '0' AND o.presence = 'present') AS present
FROM unnest(CAST(:topics AS text[])) AS topics (topic)
""")

_NEXT_NUMBER = text("SELECT next_number FROM collections WHERE collection = :collection")

_LIFT = text("""
DELETE FROM stops WHERE collection = :collection AND source = :source AND confirmed_at IS NULL
    AND kind = ANY(CAST(:kinds AS text[]))
    AND (detail ->> 'from' = :cluster OR detail -> 'topics' ?| CAST(:topics AS text[]))
""")
