"""The writer's side of the vector index: create it once, ask what it holds, apply a change in the safe order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from rag_core.collection import PayloadField
from rag_core.errors import Permanent
from rag_core.identity import Json
from rag_core.index_spec import DENSE, SPARSE, IndexSpec, Payload
from rag_core.reconciling import PointState, place_key
from rag_core.vector_index import IndexWrite, refuse_other_spec, stored_spec
from resources.clients.qdrant.connect import translating

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client.http.models import Filter

SPEC_METADATA = "index_spec"
"""Key of the Qdrant collection's metadata under which its ``IndexSpec`` rests."""

_Item = TypeVar("_Item")


class QdrantWriter:
    """Writes points to Qdrant; every call waits until its change is applied and can be repeated safely.

    ``max_points`` bounds one request's points, ``page_points`` one page of ``points_of``.
    """

    def __init__(self, client: "QdrantClient", *, max_points: int = 256, page_points: int = 2000) -> None:
        self._client = client
        self._max_points = max_points
        self._page_points = page_points

    def ensure(self, collection: str, spec: IndexSpec, fields: Sequence[PayloadField]) -> str:
        """Return the physical index that serves ``collection``, made by now if there was none.

        1. Create the physical collection with its spec in it; without the spec nobody could tell later what the
           vectors are. Another process may have been faster: then its collection is taken.
        2. Create the payload indexes; a filter without one would scan.
        3. Point the alias at it last: readers never see an index that is not ready.

        Raises ``ConfigurationError`` when an index with another spec serves the collection already.
        """
        active = self.spec_of(collection)
        if active is None:
            physical = spec.physical_name(collection)
            self.make(physical, spec, fields)
            self.serve(collection, physical)
            active = self.spec_of(collection) or (physical, spec)
        else:
            self._index_payload(active[0], fields)
        refuse_other_spec(collection, active[0], active[1], spec)
        return active[0]

    def spec_of(self, collection: str) -> tuple[str, IndexSpec] | None:
        """Return the physical index behind the collection's alias and the spec stored in it, or None without alias."""
        with translating(f"read the alias of {collection}"):
            aliases = self._client.get_aliases().aliases
            physical = next((alias.collection_name for alias in aliases if alias.alias_name == collection), None)
            if physical is None:
                return None
            metadata = self._client.get_collection(physical).config.metadata or {}
        return physical, stored_spec(physical, metadata.get(SPEC_METADATA))

    def make(self, physical: str, spec: IndexSpec, fields: Sequence[PayloadField]) -> None:
        """Make a physical index that nobody is sent to, unless it is there."""
        self._create(physical, spec)
        self._index_payload(physical, fields)

    def serve(self, collection: str, physical: str) -> None:
        """Send the collection's readers to a physical index."""
        from qdrant_client.http import models

        create = models.CreateAlias(collection_name=physical, alias_name=collection)
        with translating(f"point the alias {collection} at {physical}"):
            self._client.update_collection_aliases([models.CreateAliasOperation(create_alias=create)])

    def drop(self, collection: str, physical: str) -> None:
        """Take a collection's alias away, then drop the physical index; what is not there is fine."""
        from qdrant_client.http import models

        with translating(f"drop {physical}"):
            if any(each.alias_name == collection for each in self._client.get_aliases().aliases):
                delete = models.DeleteAlias(alias_name=collection)
                self._client.update_collection_aliases([models.DeleteAliasOperation(delete_alias=delete)])
            if self._client.collection_exists(physical):
                self._client.delete_collection(physical)

    def points_of(self, physical: str, documents: Sequence[UUID]) -> dict[UUID, dict[UUID, PointState]]:
        """Return what the index holds now of each document (an empty dict for none), read page by page."""
        found: dict[UUID, dict[UUID, PointState]] = {document: {} for document in documents}
        for record in self._scroll(physical, documents):
            payload: dict[str, Any] = record.payload or {}
            groups: list[Any] = payload.get(Payload.ALLOWED_GROUPS) or []
            found[UUID(str(payload[Payload.DOCUMENT_ID]))][UUID(str(record.id))] = PointState(
                embedding_key=str(payload.get(Payload.EMBEDDING_KEY, "")),
                place_key=place_key(payload),
                document_key=str(payload.get(Payload.DOCUMENT_KEY, "")),
                allowed_groups=tuple(str(group) for group in groups),
            )
        return found

    def apply(self, physical: str, write: IndexWrite) -> None:
        """Write a change; whatever moment it dies at, the index holds old text or both, never nothing.

        1. Upsert new and re-embedded points, streamed in bounded requests.
        2. Move points whose place changed.
        3. Write what belongs to the document, by one filter a document, so that it reaches the points of step 1 too.
        4. Delete what is gone, last: deleting first would lose text if step 1 never came.
        """
        from qdrant_client.http import models

        for batch in _batches(write.upserts, self._max_points):
            points = [
                models.PointStruct(
                    id=str(point.point_id),
                    vector={
                        DENSE: [float(value) for value in point.dense],
                        SPARSE: models.SparseVector(
                            indices=list(point.sparse.indices), values=list(point.sparse.values)
                        ),
                    },
                    payload=dict(point.payload),
                )
                for point in batch
            ]
            with translating(f"upsert {len(points)} points into {physical}"):
                self._client.upsert(physical, points, wait=True)
        for moved in _batches(write.places.items(), self._max_points):
            operations = [
                models.SetPayloadOperation(set_payload=models.SetPayload(payload=dict(place), points=[str(point)]))
                for point, place in moved
            ]
            with translating(f"move {len(operations)} points in {physical}"):
                self._client.batch_update_points(physical, operations, wait=True)
        for document, payload in write.documents.items():
            self._describe(physical, document, payload)
        for gone in _batches(write.deletes, self._max_points * 4):
            with translating(f"delete {len(gone)} points from {physical}"):
                selector = models.PointIdsList(points=[str(point) for point in gone])
                self._client.delete(physical, selector, wait=True)

    def _describe(self, physical: str, document: UUID, payload: Mapping[str, Json]) -> None:
        """Set payload keys on all points of a document; keys that are not named keep their values."""
        with translating(f"describe document {document} in {physical}"):
            self._client.set_payload(physical, dict(payload), _of_documents([document]), wait=True)

    def delete_documents(self, physical: str, documents: Sequence[UUID]) -> None:
        """Delete every point of these documents, whatever they are."""
        from qdrant_client.http import models

        if documents:
            with translating(f"delete {len(documents)} documents from {physical}"):
                selector = models.FilterSelector(filter=_of_documents(documents))
                self._client.delete(physical, selector, wait=True)

    def _scroll(self, physical: str, documents: Sequence[UUID]) -> Iterator[Any]:
        from qdrant_client.http import models

        keys = [key for key in Payload.PLACE if key != Payload.TEXT]
        keys += [Payload.EMBEDDING_KEY, Payload.DOCUMENT_KEY, Payload.DOCUMENT_ID, Payload.ALLOWED_GROUPS]
        offset: Any = None
        while documents:
            with translating(f"list the points of {len(documents)} documents in {physical}"):
                records, offset = self._client.scroll(
                    physical,
                    scroll_filter=_of_documents(documents),
                    limit=self._page_points,
                    offset=offset,
                    with_payload=models.PayloadSelectorInclude(include=keys),
                    with_vectors=False,
                )
            yield from records
            if offset is None:
                return

    def _create(self, physical: str, spec: IndexSpec) -> None:
        from qdrant_client.http import models

        distance = {"cosine": models.Distance.COSINE}[spec.distance]
        with translating(f"look for {physical}"):
            if self._client.collection_exists(physical):
                return
        try:
            with translating(f"create {physical}"):
                self._client.create_collection(
                    physical,
                    vectors_config={DENSE: models.VectorParams(size=spec.dimension, distance=distance)},
                    sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
                    metadata={SPEC_METADATA: spec.to_json()},
                )
        except Permanent:
            with translating(f"look for {physical}"):
                if not self._client.collection_exists(physical):
                    raise

    def _index_payload(self, physical: str, fields: Sequence[PayloadField]) -> None:
        wanted = {Payload.DOCUMENT_ID: "keyword", Payload.ALLOWED_GROUPS: "keyword"}
        wanted |= {f"{Payload.METADATA}.{field.name}": field.type for field in fields}
        with translating(f"create the payload indexes of {physical}"):
            present = self._client.get_collection(physical).payload_schema
            for key, kind in wanted.items():
                if key not in present:
                    self._client.create_payload_index(physical, key, field_schema=kind, wait=True)  # pyright: ignore[reportArgumentType] - the words are Qdrant's own


def _of_documents(documents: Sequence[UUID]) -> "Filter":
    from qdrant_client.http import models

    ids = [str(document) for document in documents]
    return models.Filter(must=[models.FieldCondition(key=Payload.DOCUMENT_ID, match=models.MatchAny(any=ids))])


def _batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
