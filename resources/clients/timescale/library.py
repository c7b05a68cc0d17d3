"""The statements that ``timescale-vector`` builds for us: the points' table, what finds its nearest, and their search.

Its clients are not used: they keep psycopg 2 or asyncpg connections of their own, outside our transactions, and their
``upsert`` leaves a row as it is which is there already. What it builds is PostgreSQL's own text with ``$1``.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from resources.clients.timescale.rules import Rules

MOST_HNSW_DIMENSIONS = 2000
_MOST_EF_SEARCH = 1000
_LEAST_LOOKED_AT = 200
"""How many points the nearest-neighbour index keeps in view at least; more find more of the true nearest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointStatements:
    """Builds statements for one points' table; ``method`` is what finds nearest points: hnsw, diskann or scan."""

    schema: str
    table: str
    dimension: int
    method: str

    def create(self) -> str:
        """Return what makes the table with its indexes.

        Its lines that make extensions are left out: one of them makes ``vectorscale`` on every server, or fails.
        """
        lines = self._builder().get_create_query().splitlines()
        index = {"hnsw": "HNSWIndex", "diskann": "DiskAnnIndex", "scan": None}[self.method]
        made = "\n".join(line for line in lines if "CREATE EXTENSION" not in line)
        if index is None:
            return made
        return made + self._builder().create_embedding_index_query(getattr(_library(), index)(), lambda: 0)

    def search(self, vector: str, limit: int, rules: Rules) -> tuple[str, list[Any]]:
        """Return the search for the nearest points that the rules let through, and its parameters.

        Its columns are id, metadata, contents, embedding, distance. The library asks predicates for nothing but their
        query, so rules can take their place.
        """
        return self._builder().search_query(vector, limit, predicates=rules)

    def settings(self, limit: int) -> list[str]:
        """Return what to set within the transaction of a search: how far the nearest-neighbour index looks."""
        library = _library()
        looked_at = max(_LEAST_LOOKED_AT, 2 * limit)
        asked: list[Any] = []
        if self.method == "diskann":
            asked = [library.DiskAnnIndexParams(search_list_size=looked_at)]
        if self.method == "hnsw":
            # Without the scan going on, rules would be asked of the first ones only, and leave too few or none.
            onwards = library.QueryParams({"hnsw.iterative_scan": "relaxed_order"})
            asked = [library.HNSWIndexParams(ef_search=min(_MOST_EF_SEARCH, looked_at)), onwards]
        return [statement for each in asked for statement in each.get_statements()]

    def _builder(self) -> Any:
        return _library().QueryBuilder(
            table_name=self.table,
            num_dimensions=self.dimension,
            distance_type="cosine",
            id_type="UUID",
            time_partition_interval=None,
            infer_filters=False,
            schema_name=self.schema,
        )


def _library() -> Any:
    """Return the package, which has no types; imported late, because it imports three database drivers."""
    return import_module("timescale_vector.client")
