"""How the tables of the vector index are made; callers hold a transaction, so that nobody sees one half made."""

import json
import logging
from typing import Any

import psycopg
from psycopg.errors import FeatureNotSupported, UndefinedFile

from rag_core.errors import ConfigurationError
from rag_core.index_spec import Payload
from resources.clients.timescale.library import MOST_HNSW_DIMENSIONS
from resources.clients.timescale.sessions import Cursor
from resources.clients.timescale.tables import SCHEMA, IndexTables, find_tables, is_made

_LEAST_POSTGRESQL = 160000
_LEAST_PGVECTOR = (0, 8)
_MAKING = 0x7261675F76656373
"""Key of the advisory lock under which tables are made, one process at a time."""

_log = logging.getLogger(__name__)


def make_registry(cursor: Cursor) -> None:
    """Make the schema, the extension and the registry where they are missing; others who make them wait for us."""
    cursor.execute(b"SELECT pg_advisory_xact_lock($1)", [_MAKING])
    if is_made(cursor):
        return
    if cursor.connection.info.server_version < _LEAST_POSTGRESQL:
        raise ConfigurationError(
            "PostgreSQL is too old to keep vectors: 16 is needed.", remedy="Correct RAG_TIMESCALE_URL."
        )
    try:
        with cursor.connection.transaction():
            cursor.execute(b"CREATE EXTENSION IF NOT EXISTS vector")
    except (UndefinedFile, FeatureNotSupported) as error:
        raise ConfigurationError(
            "PostgreSQL has no extension 'vector'.",
            remedy="Install pgvector on the server, or correct RAG_TIMESCALE_URL.",
        ) from error
    row = cursor.execute(b"SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    version = "" if row is None else str(row[0])
    if tuple(int(part) for part in version.split(".")[:2]) < _LEAST_PGVECTOR:
        raise ConfigurationError(
            f"pgvector {version} is too old: 0.8 is needed.", remedy="ALTER EXTENSION vector UPDATE."
        )
    if cursor.execute(b"SELECT to_regnamespace($1)", [SCHEMA]).fetchone() == (None,):
        cursor.execute(b"CREATE SCHEMA rag_vectors")
    cursor.execute(_REGISTRY)


def make_tables(cursor: Cursor, physical: str, *, dimension: int, spec: dict[str, Any]) -> IndexTables:
    """Make the two tables of an index and what finds its points, unless they are there."""
    there = find_tables(cursor, physical)
    if there is not None:
        return there
    method = _method(cursor, dimension)
    row = cursor.execute(_REGISTER, [physical, json.dumps(spec), dimension, method]).fetchone()
    assert row is not None  # noqa: S101 - a row is written in either case
    tables = IndexTables(number=row[0], dimension=dimension, method=method)
    cursor.execute(tables.statements.create().encode())
    for statement in (_NUMBERED, _BY_DOCUMENT, _NO_TERMS, _TERMS, _BY_TERM, _BY_POINT):
        cursor.execute(tables.of(statement))
    return tables


def _method(cursor: Cursor, dimension: int) -> str:
    """Return what is to find nearest neighbours: DiskANN where vectorscale is there or can be made, else HNSW."""
    available = cursor.execute(b"SELECT 1 FROM pg_available_extensions WHERE name = 'vectorscale'").fetchone()
    if available is not None:
        try:
            with cursor.connection.transaction():
                cursor.execute(b"CREATE EXTENSION IF NOT EXISTS vectorscale")
        except psycopg.Error as error:  # this role may not, or its library does not load
            _log.warning("vectorscale is on the server but cannot be used (%s): no DiskANN.", type(error).__name__)
        else:
            return "diskann"
    return "hnsw" if dimension <= MOST_HNSW_DIMENSIONS else "scan"


_REGISTRY = b"""
CREATE TABLE rag_vectors.indexes (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    physical text NOT NULL UNIQUE,
    spec jsonb NOT NULL,
    dimension integer NOT NULL,
    method text NOT NULL,
    fields jsonb NOT NULL DEFAULT '{}',
    made_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE rag_vectors.aliases (
    collection text PRIMARY KEY,
    physical text NOT NULL REFERENCES rag_vectors.indexes (physical) ON DELETE CASCADE
);
CREATE FUNCTION rag_vectors.moment(value jsonb) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN value #>> '{}'
            ~ '^\\d{4}-\\d\\d-\\d\\d([T ]\\d\\d:\\d\\d(:\\d\\d(\\.\\d+)?)?( ?(Z|[+-]\\d\\d(:?\\d\\d)?))?)?$'
        AND pg_input_is_valid(value #>> '{}', 'timestamptz') THEN (value #>> '{}')::timestamptz END
$$;
COMMENT ON FUNCTION rag_vectors.moment IS 'A date or time as filters read it; null for anything else';
"""

_REGISTER = b"""
INSERT INTO rag_vectors.indexes (physical, spec, dimension, method) VALUES ($1, $2::jsonb, $3, $4)
ON CONFLICT (physical) DO UPDATE SET spec = excluded.spec, dimension = excluded.dimension, method = excluded.method
RETURNING number
"""

# Terms name points by this number: 8 bytes a row instead of 16.
_NUMBERED = "ALTER TABLE {points} ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY UNIQUE"
_BY_DOCUMENT = f"CREATE INDEX ON {{points}} ((metadata ->> '{Payload.DOCUMENT_ID}'))"
# Somebody may have dropped the points alone.
_NO_TERMS = "DROP TABLE IF EXISTS {terms}"
_TERMS = "CREATE TABLE {terms} (term integer NOT NULL, weight real NOT NULL, point bigint NOT NULL)"

# Answers how many points hold a term, what it weighs in each, and which weighs most, from the index alone.
_BY_TERM = "CREATE INDEX ON {terms} (term, weight DESC, point)"
_BY_POINT = "CREATE INDEX ON {terms} (point)"
