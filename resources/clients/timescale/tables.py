"""The tables of the vector index: a registry of indexes and aliases, and two tables for each physical index.

``points_N`` is laid out by ``timescale-vector`` (id, metadata, contents, embedding); ``metadata`` holds the payload but
for the text, which is ``contents``. ``terms_N`` is the inverted list of the sparse vectors: one row for each term of
each point. N comes from the registry: no name of a user's is ever part of a statement.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from rag_core.vector_index import IndexGone
from resources.clients.timescale.library import PointStatements
from resources.clients.timescale.sessions import DEPENDENCY, Cursor, Sessions

SCHEMA = "rag_vectors"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexTables:
    """The two tables of one physical index; ``method`` is what finds its nearest neighbours: hnsw, diskann or scan."""

    number: int
    dimension: int
    method: str

    @property
    def points(self) -> str:
        """Return the name of the points' table as statements take it."""
        return f'"{SCHEMA}"."points_{self.number:d}"'

    @property
    def terms(self) -> str:
        """Return the name of the terms' table as statements take it."""
        return f'"{SCHEMA}"."terms_{self.number:d}"'

    def of(self, statement: str) -> bytes:
        """Return a statement with the names of these tables in the places of ``{points}`` and ``{terms}``."""
        return statement.format(points=self.points, terms=self.terms).encode()

    @property
    def statements(self) -> PointStatements:
        """Return what builds the statements of the points' table."""
        return PointStatements(
            schema=SCHEMA, table=f"points_{self.number:d}", dimension=self.dimension, method=self.method
        )


class Registry:
    """Finds the tables of a physical index; what was found is remembered until it turns out to be gone."""

    def __init__(self) -> None:
        self._known: dict[str, IndexTables] = {}

    def tables(self, cursor: Cursor, physical: str) -> IndexTables:
        """Return the tables of an index; raises ``IndexGone`` where there is none."""
        known = self._known.get(physical)
        if known is None:
            known = find_tables(cursor, physical) if is_made(cursor) else None
            if known is None:
                raise IndexGone(f"There is no index {physical} in PostgreSQL.", dependency=DEPENDENCY)
            self._known[physical] = known
        return known

    def forget(self, physical: str) -> None:
        """Look the tables up again the next time: the index may have been made anew, in other tables."""
        self._known.pop(physical, None)


@contextmanager
def indexed(sessions: Sessions, registry: Registry, physical: str, doing: str) -> Generator[tuple[Cursor, IndexTables]]:
    """Give a transaction with the tables of an index; one that is gone is forgotten, and raised as ``IndexGone``."""
    try:
        with sessions.transaction(doing) as cursor:
            yield cursor, registry.tables(cursor, physical)
    except IndexGone:
        registry.forget(physical)
        raise


def signed_term(term: int) -> int:
    """Return a term's index (32 bits without sign) as PostgreSQL's integer holds it (32 bits with one)."""
    return term - 2**31


def unsigned_term(term: int) -> int:
    """Return what ``signed_term`` was given."""
    return term + 2**31


def is_made(cursor: Cursor) -> bool:
    """Say whether the registry is there; a database that never saw an index has none."""
    row = cursor.execute(_IS_MADE).fetchone()
    return row is not None and row[0]


def find_tables(cursor: Cursor, physical: str) -> IndexTables | None:
    """Return the tables of an index, or None where the index, or its table, is not there."""
    row = cursor.execute(_FIND, [physical]).fetchone()
    return None if row is None else IndexTables(number=row[0], dimension=row[1], method=row[2])


_IS_MADE = b"SELECT to_regclass('rag_vectors.aliases') IS NOT NULL"

_FIND = b"""
SELECT number, dimension, method FROM rag_vectors.indexes
WHERE physical = $1 AND to_regclass(format('rag_vectors.points_%s', number)) IS NOT NULL
"""
