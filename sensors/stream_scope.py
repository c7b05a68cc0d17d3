"""Whether a stream's file still declares what was read by it: its topics, and the name of their cluster."""

from dataclasses import replace

from rag_core.collection import Collection
from rag_core.errors import InvalidRequest
from rag_core.kafka import Stream
from rag_core.streaming import StreamState
from resources.clients.catalog import Catalog
from resources.clients.catalog.values import PositionMoved


def within_scope(catalog: Catalog, collection: Collection, stream: Stream, state: StreamState) -> StreamState | None:
    """Return the position under its cluster's name; None while a person is to say what becomes of another's documents.

    A topic that was taken out stops the stream red, and the others go on. Raises ``PositionMoved`` where something
    was forgotten of which there are no documents.
    """
    names, cluster = (collection.name, stream.name), "" if collection.kafka is None else collection.kafka.cluster
    scopes = catalog.stream_scopes
    scopes.lift(*names, cluster=cluster, topics=stream.topics)
    known = state.cluster or (scopes.cluster_of(*names) if state.topics else "") or cluster
    if known != cluster:
        if scopes.cluster_changed(*names, known=known, declared=cluster):
            return None
        raise PositionMoved(f"{names[0]}/{names[1]} begins anew under another cluster's name.")
    removed = sorted(state.topics.keys() - set(stream.topics))
    if removed and scopes.topics_removed(*names, removed):
        raise PositionMoved(f"{', '.join(removed)}: topics of {names[0]}/{names[1]} without documents are forgotten.")
    return replace(state, cluster=cluster)


def check_cluster(collection: Collection, stream: str, state: StreamState) -> None:
    """Raise ``InvalidRequest`` where messages would be recorded under another cluster's name than those known."""
    declared = "" if collection.kafka is None else collection.kafka.cluster
    if state.cluster not in {"", declared}:
        raise InvalidRequest(
            f"The documents of {stream!r} are known as kafka://{state.cluster}/…, the file names {declared!r}.",
            remedy=f"Put the name back, or confirm the change first: rag sources confirm {collection.name} {stream}.",
        )
