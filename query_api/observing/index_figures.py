"""How many points the index holds, beside what the catalog says: where they stay apart, something was lost or left."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.metrics_core import Metric as Family

from query_api.observing import names
from query_api.observing.families import gauge
from query_api.observing.rarely import Rarely
from rag_core.vector_index import IndexSearcher, UnknownCollection


class IndexFigures:
    """Looks at the index for all who ask; apart from the catalog, of which an index that hangs must tell nothing."""

    def __init__(self, read: Callable[[], Mapping[str, int]]) -> None:
        self._looks = Rarely(read, what="the index")

    def families(self, sees: Callable[[str], bool]) -> Iterator[Family]:
        """Yield the metrics of the collections that the reader ``sees``."""
        found = self._looks.look().found
        yield gauge(names.INDEX_UP, [((), float(found is not None))])
        if found is not None:
            yield gauge(names.INDEX_POINTS, [((name,), points) for name, points in sorted(found.items()) if sees(name)])


def points_held(searcher: IndexSearcher) -> dict[str, int]:
    """Return the points that are served of each collection; raises ``DependencyUnavailable``."""
    held: dict[str, int] = {}
    for name in searcher.collections():
        try:
            held[name] = searcher.served(name, fresh=True).points
        except UnknownCollection:  # its alias went meanwhile
            continue
    return held
