"""How much one request may ask for; everything that comes from outside is bounded here."""

from local_stack.edge_server.refusals import Malformed

MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_CONNECTIONS = 512
MAX_HITS = 50_000
"""Largest ``limit`` and ``offset`` of a search, scroll or facet."""
MAX_POINTS = 10_000
"""Most points, ids or vectors in one request."""
MAX_BATCH = 4_096
"""Most queries or update operations in one batch, actions in one alias change, prefetches of one query."""
MAX_DEPTH = 16
"""Deepest nesting of filters and of prefetches."""
MAX_PAYLOAD_DEPTH = 100
MAX_DIMENSION = 65_536
MAX_COLLECTIONS = 1_000
MAX_VECTORS = 256
"""Most named vectors of a collection."""
MAX_NAME_CHARACTERS = 255


def at_most(count: int, most: int, what: str) -> None:
    """Raise ``Malformed`` when there are more than ``most``."""
    if count > most:
        raise Malformed(f"Wrong input: {count} {what}, at most {most} are allowed in one request")
