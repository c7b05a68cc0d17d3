"""The writer's side of the vector index in PostgreSQL: the same promises, the same order, in transactions."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from rag_core.collection import PayloadField
from rag_core.identity import Json
from rag_core.index_spec import IndexSpec, Payload
from rag_core.reconciling import PointState, place_key
from rag_core.vector_index import IndexWrite, PointWrite, refuse_other_spec, stored_spec
from resources.clients.timescale.making import make_registry, make_tables
from resources.clients.timescale.sessions import Cursor, Sessions
from resources.clients.timescale.tables import IndexTables, Registry, find_tables, indexed, is_made, signed_term

_Item = TypeVar("_Item")
_PLACE_WITHOUT_TEXT = tuple(key for key in Payload.PLACE if key != Payload.TEXT)


class TimescaleWriter:
    """Writes points to PostgreSQL; each batch of at most ``max_points`` is one transaction.

    ``page_points`` bounds one page of ``points_of``.
    """

    def __init__(
        self, sessions: Sessions, registry: Registry, *, max_points: int = 256, page_points: int = 2000
    ) -> None:
        self._sessions = sessions
        self._registry = registry
        self._max_points = max_points
        self._page_points = page_points

    def ensure(self, collection: str, spec: IndexSpec, fields: Sequence[PayloadField]) -> str:
        """Return the physical index that serves ``collection``, made by now if there was none.

        Tables, spec, fields and alias are one transaction: readers see all of it or nothing. Raises
        ``ConfigurationError`` when an index with another spec serves the collection already.
        """
        with self._sessions.transaction(f"make the index of {collection}") as cursor:
            make_registry(cursor)
            active = _active(cursor, collection)
            if active is None:
                active = (spec.physical_name(collection), spec)
                make_tables(cursor, active[0], dimension=spec.dimension, spec=spec.to_json())
                cursor.execute(_POINT_ALIAS, [collection, active[0]])
                self._registry.forget(active[0])
            cursor.execute(_ADD_FIELDS, [json.dumps({field.name: field.type for field in fields}), active[0]])
            refuse_other_spec(collection, active[0], active[1], spec)
        return active[0]

    def make(self, physical: str, spec: IndexSpec, fields: Sequence[PayloadField]) -> None:
        """Make a physical index that nobody is sent to, unless it is there."""
        with self._sessions.transaction(f"make the index {physical}") as cursor:
            make_registry(cursor)
            make_tables(cursor, physical, dimension=spec.dimension, spec=spec.to_json())
            cursor.execute(_ADD_FIELDS, [json.dumps({field.name: field.type for field in fields}), physical])
        self._registry.forget(physical)

    def serve(self, collection: str, physical: str) -> None:
        """Send the collection's readers to a physical index."""
        with self._sessions.transaction(f"point the alias {collection} at {physical}") as cursor:
            cursor.execute(_POINT_ALIAS, [collection, physical])

    def drop(self, collection: str, physical: str) -> None:
        """Take a collection's alias away, then drop the physical index; what is not there is fine."""
        with self._sessions.transaction(f"drop {physical}") as cursor:
            if not is_made(cursor):
                return
            cursor.execute(b"DELETE FROM rag_vectors.aliases WHERE collection = $1", [collection])
            tables = find_tables(cursor, physical)
            if tables is not None:
                cursor.execute(tables.of("DROP TABLE {points}, {terms}"))
            cursor.execute(b"DELETE FROM rag_vectors.indexes WHERE physical = $1", [physical])
        self._registry.forget(physical)

    def spec_of(self, collection: str) -> tuple[str, IndexSpec] | None:
        """Return the physical index behind the collection's alias and the spec stored in it, or None without one."""
        with self._sessions.transaction(f"read the alias of {collection}") as cursor:
            return _active(cursor, collection) if is_made(cursor) else None

    def points_of(self, physical: str, documents: Sequence[UUID]) -> dict[UUID, dict[UUID, PointState]]:
        """Return what the index holds now of each document (an empty dict for none), read page by page."""
        found: dict[UUID, dict[UUID, PointState]] = {document: {} for document in documents}
        keys = [*_PLACE_WITHOUT_TEXT, Payload.EMBEDDING_KEY, Payload.DOCUMENT_KEY]
        keys += [Payload.DOCUMENT_ID, Payload.ALLOWED_GROUPS]
        ids = [str(document) for document in documents]
        after = UUID(int=0)
        while documents:
            with indexed(self._sessions, self._registry, physical, f"list points in {physical}") as (cursor, tables):
                rows = cursor.execute(tables.of(_STATES), [ids, after, self._page_points, keys]).fetchall()
            for point, payload in rows:
                groups: list[Any] = payload.get(Payload.ALLOWED_GROUPS) or []
                found[UUID(payload[Payload.DOCUMENT_ID])][point] = PointState(
                    embedding_key=str(payload.get(Payload.EMBEDDING_KEY, "")),
                    place_key=place_key(payload),
                    document_key=str(payload.get(Payload.DOCUMENT_KEY, "")),
                    allowed_groups=tuple(str(group) for group in groups),
                )
            if len(rows) < self._page_points:
                break
            after = rows[-1][0]
        return found

    def apply(self, physical: str, write: IndexWrite) -> None:
        """Write a change; whatever moment it dies at, the index holds old text or both, never nothing.

        1. Upsert new and re-embedded points with their terms, a transaction for each bounded batch.
        2. Move points whose place changed.
        3. Write what belongs to the document; all its points in one transaction, those of step 1 too: no reader ever
           sees a document under two rights.
        4. Delete what is gone, last: deleting first would lose text if step 1 never came.
        """
        for batch in _batches(write.upserts, self._max_points):
            doing = f"upsert {len(batch)} points into {physical}"
            with indexed(self._sessions, self._registry, physical, doing) as (cursor, tables):
                _upsert(cursor, tables, {point.point_id: point for point in batch})
        for moved in _batches(sorted(write.places.items()), self._max_points):
            doing = f"move {len(moved)} points in {physical}"
            with indexed(self._sessions, self._registry, physical, doing) as (cursor, tables):
                ids, places = [point for point, _ in moved], [place for _, place in moved]
                cursor.execute(tables.of(_MOVE), [ids, [_payload(place) for place in places], _texts(places)])
        for document, payload in write.documents.items():
            self._describe(physical, document, payload)
        for gone in _batches(sorted(write.deletes), self._max_points * 4):
            doing = f"delete {len(gone)} points from {physical}"
            with indexed(self._sessions, self._registry, physical, doing) as (cursor, tables):
                cursor.execute(tables.of(_DELETE), [gone])

    def delete_documents(self, physical: str, documents: Sequence[UUID]) -> None:
        """Delete every point of these documents, whatever they are; a transaction for each bounded batch."""
        ids = [str(document) for document in documents]
        deleted = 1 if documents else 0
        while deleted:
            doing = f"delete {len(documents)} documents from {physical}"
            with indexed(self._sessions, self._registry, physical, doing) as (cursor, tables):
                rows = cursor.execute(tables.of(_POINTS_OF), [ids, UUID(int=0), self._max_points * 4]).fetchall()
                deleted = len(rows)
                cursor.execute(tables.of(_DELETE), [[point for (point,) in rows]])

    def _describe(self, physical: str, document: UUID, payload: Mapping[str, Json]) -> None:
        """Set payload keys on all points of a document, page by page within one transaction."""
        after = UUID(int=0)
        doing = f"describe document {document} in {physical}"
        with indexed(self._sessions, self._registry, physical, doing) as (cursor, tables):
            while rows := cursor.execute(tables.of(_POINTS_OF), [[str(document)], after, self._max_points]).fetchall():
                ids = [point for (point,) in rows]
                cursor.execute(tables.of(_DESCRIBE), [ids, _payload(payload), payload.get(Payload.TEXT)])
                after = ids[-1]


def _active(cursor: Cursor, collection: str) -> tuple[str, IndexSpec] | None:
    row = cursor.execute(_ACTIVE, [collection]).fetchone()
    return None if row is None else (row[0], stored_spec(row[0], row[1]))


def _upsert(cursor: Cursor, tables: IndexTables, points: Mapping[UUID, PointWrite]) -> None:
    """Write whole points; in the order of their ids, so that writers of the same points never wait for each other.

    Not by ``timescale-vector``'s own statement: that leaves a row as it is which is there already.
    """
    from pgvector import Vector

    written = [points[point_id] for point_id in sorted(points)]
    columns = [
        [point.point_id for point in written],
        [_payload(point.payload) for point in written],
        _texts([point.payload for point in written]),
        [Vector([float(value) for value in point.dense]).to_text() for point in written],
    ]
    numbers = dict(cursor.execute(tables.of(_UPSERT), columns).fetchall())
    cursor.execute(tables.of(_FORGET_TERMS), [list(numbers.values())])
    terms: list[int] = []
    weights: list[float] = []
    owners: list[int] = []
    for point in written:
        terms += [signed_term(index) for index in point.sparse.indices]
        weights += point.sparse.values
        owners += [numbers[point.point_id]] * len(point.sparse.indices)
    cursor.execute(tables.of(_ADD_TERMS), [terms, weights, owners])


def _payload(payload: Mapping[str, Json]) -> str:
    """Return a payload as the column holds it: without the text, which has a column of its own."""
    return json.dumps({key: value for key, value in payload.items() if key != Payload.TEXT})


def _texts(payloads: Sequence[Mapping[str, Json]]) -> list[Any]:
    return [payload.get(Payload.TEXT) for payload in payloads]


def _batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


_OF_DOCUMENTS = f"metadata ->> '{Payload.DOCUMENT_ID}' = ANY($1::text[]) AND id > $2"

_ACTIVE = b"""
SELECT physical, spec FROM rag_vectors.aliases JOIN rag_vectors.indexes USING (physical)
WHERE collection = $1 AND to_regclass(format('rag_vectors.points_%s', number)) IS NOT NULL
"""

_POINT_ALIAS = b"""
INSERT INTO rag_vectors.aliases (collection, physical) VALUES ($1, $2)
ON CONFLICT (collection) DO UPDATE SET physical = excluded.physical
"""

_ADD_FIELDS = (
    b"UPDATE rag_vectors.indexes SET fields = fields || $1::jsonb WHERE physical = $2 AND NOT fields @> $1::jsonb"
)

_STATES = f"""
SELECT id, (SELECT jsonb_object_agg(key, value) FROM jsonb_each(metadata) WHERE key = ANY($4::text[]))
FROM {{points}} WHERE {_OF_DOCUMENTS} ORDER BY id LIMIT $3
"""  # noqa: S608 - of constants; tables are named by their number

_POINTS_OF = f"SELECT id FROM {{points}} WHERE {_OF_DOCUMENTS} ORDER BY id LIMIT $3 FOR UPDATE"  # noqa: S608 - as above

_UPSERT = """
INSERT INTO {points} (id, metadata, contents, embedding)
SELECT id, metadata, contents, embedding::vector
FROM unnest($1::uuid[], $2::jsonb[], $3::text[], $4::text[]) AS written (id, metadata, contents, embedding) ORDER BY id
ON CONFLICT (id) DO UPDATE
SET metadata = excluded.metadata, contents = excluded.contents, embedding = excluded.embedding
RETURNING id, number
"""

_FORGET_TERMS = "DELETE FROM {terms} WHERE point = ANY($1::bigint[])"

_ADD_TERMS = """
INSERT INTO {terms} (term, weight, point)
SELECT term, weight, point FROM unnest($1::integer[], $2::real[], $3::bigint[]) AS written (term, weight, point)
"""

# What is set to null is taken away, as Qdrant does; deeper down a null is a value.
_MOVE = """
UPDATE {points} AS held
SET metadata = (held.metadata || moved.place) - ARRAY(SELECT key FROM jsonb_each(moved.place) WHERE value = 'null'),
    contents = coalesce(moved.contents, held.contents)
FROM unnest($1::uuid[], $2::jsonb[], $3::text[]) AS moved (id, place, contents) WHERE held.id = moved.id
"""

_DESCRIBE = """
UPDATE {points}
SET metadata = (metadata || $2::jsonb) - ARRAY(SELECT key FROM jsonb_each($2::jsonb) WHERE value = 'null'),
    contents = coalesce($3, contents)
WHERE id = ANY($1::uuid[])
"""

_DELETE = """
WITH gone AS (DELETE FROM {points} WHERE id = ANY($1::uuid[]) RETURNING number)
DELETE FROM {terms} USING gone WHERE {terms}.point = gone.number
"""
