"""The reader's side of the vector index: what an alias serves now, and one batch request per question."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from rag_core.access import EVERYONE
from rag_core.filters import AnyOf, Condition, Exists, FieldType
from rag_core.index_spec import DENSE, SPARSE, Payload
from rag_core.sparse import SparseVector
from rag_core.vector_index import Candidates, ReadPoints, ServedIndex, UnknownCollection, stored_spec
from resources.clients.qdrant.connect import translating
from resources.clients.qdrant.writing import SPEC_METADATA
from resources.clients.remembering import Remembered

if TYPE_CHECKING:
    from qdrant_client import QdrantClient
    from qdrant_client.http import models


class QdrantSearcher:
    """Searches the index that a collection's alias points at.

    The alias is resolved at most every ``refresh_s`` and the question goes to the physical index it named, so that spec
    and vectors always belong together; an index that is gone by then is looked up again at once.
    """

    def __init__(self, client: "QdrantClient", *, refresh_s: float = 2.0) -> None:
        self._client = client
        self._served = Remembered[ServedIndex](refresh_s)

    def collections(self) -> list[str]:
        """Return the names of the collections that have an index, sorted."""
        with translating("list aliases"):
            return sorted(alias.alias_name for alias in self._client.get_aliases().aliases)

    def served(self, collection: str, *, fresh: bool = False) -> ServedIndex:
        """Return what the alias ``collection`` serves; raises ``UnknownCollection`` without one."""
        return self._served.get(collection, self._look_up, fresh=fresh)

    def candidates(
        self,
        index: ServedIndex,
        *,
        dense: Sequence[float] | None,
        sparse: SparseVector | None,
        groups: Sequence[str] | None,
        conditions: Sequence[Condition] = (),
        limit: int = 100,
    ) -> Candidates:
        """Return the ``limit`` best points of each list, in one request.

        ``groups`` is whose eyes to look through (``None``: all rights); everyone's documents are always included. Each
        query term is also asked alone, limit 1, under the same rights but without the caller's filter, because the
        bound of a question must not depend on how it is narrowed. A list that is ``None`` is not asked. Raises
        ``IndexGone`` when the index was dropped since it was looked up.
        """
        from qdrant_client.http import models

        narrowed, within = _narrowed(groups, conditions), _narrowed(groups, ())
        terms = [] if sparse is None else list(zip(sparse.indices, sparse.values, strict=True))
        requests: list[models.QueryRequest] = []
        if dense is not None:
            requests.append(_request(list(dense), DENSE, narrowed, limit))
        if terms:
            requests.append(_request(_sparse(terms), SPARSE, narrowed, limit))
            requests.extend(_request(_sparse([term]), SPARSE, within, 1) for term in terms)
        answers = iter(self._batch(index, requests))
        near = _scores(next(answers)) if dense is not None else {}
        worded = _scores(next(answers)) if terms else {}
        tops = [answer[0].score if answer else 0.0 for answer in answers]
        return Candidates(dense=near, sparse=worded, term_tops=tuple(tops))

    def read(
        self,
        index: ServedIndex,
        points: Sequence[str],
        *,
        dense: Sequence[float] | None,
        sparse: SparseVector | None,
        groups: Sequence[str] | None,
        conditions: Sequence[Condition] = (),
    ) -> ReadPoints:
        """Return these points with payloads and true scores, in one request; see ``IndexSearcher``."""
        from qdrant_client.http import models

        if not points:
            return ReadPoints(dense={}, sparse={}, payloads={})
        these = models.HasIdCondition(has_id=list(points))
        within = _narrowed(groups, conditions, these)
        terms = [] if sparse is None else list(zip(sparse.indices, sparse.values, strict=True))
        requests = [_request(None if dense is None else list(dense), DENSE, within, len(points), payload=True)]
        if terms:
            requests.append(_request(_sparse(terms), SPARSE, within, len(points)))
        answers = self._batch(index, requests)
        return ReadPoints(
            dense={} if dense is None else _scores(answers[0]),
            sparse=_scores(answers[1]) if terms else {},
            payloads={str(point.id): point.payload or {} for point in answers[0]},
        )

    def points_of_documents(
        self, index: ServedIndex, document_ids: Sequence[UUID], *, groups: Sequence[str] | None
    ) -> Mapping[UUID, int]:
        """Return how many points the index holds of each of these documents that the groups may see."""
        from qdrant_client.http import models

        if not document_ids:
            return {}
        these = models.MatchAny(any=[str(each) for each in document_ids])
        within = models.Filter(must=[models.FieldCondition(key=Payload.DOCUMENT_ID, match=these), *_rights(groups)])
        with translating(f"count points in {index.physical}"):
            counted = self._client.facet(
                index.physical, Payload.DOCUMENT_ID, facet_filter=within, limit=len(document_ids), exact=True
            )
        return {UUID(str(hit.value)): hit.count for hit in counted.hits}

    def chunks_of_document(
        self, index: ServedIndex, document_id: UUID, *, first: int, last: int, groups: Sequence[str] | None
    ) -> Sequence[Mapping[str, Any]]:
        """Return the payloads of a document's chunks ``first`` to ``last`` in their order, as the groups may see them.

        While a new version is written both may be there, so twice as many points are asked for as there are ordinals.
        """
        from qdrant_client.http import models

        own = models.FieldCondition(key=Payload.DOCUMENT_ID, match=models.MatchValue(value=str(document_id)))
        near = models.FieldCondition(key=Payload.ORDINAL, range=models.Range(gte=first, lte=last))
        with translating(f"read a document of {index.physical}"):
            records, _ = self._client.scroll(
                index.physical,
                scroll_filter=models.Filter(must=[own, near, *_rights(groups)]),
                limit=2 * (last - first + 1),
                with_payload=True,
                with_vectors=False,
            )
        payloads: list[Mapping[str, Any]] = [record.payload or {} for record in records]
        return sorted(payloads, key=lambda payload: payload[Payload.ORDINAL])

    def _batch(self, index: ServedIndex, requests: "list[models.QueryRequest]") -> "list[list[models.ScoredPoint]]":
        """Return the points of each answer, asked by the client's REST interface.

        Its ``query_batch_points`` copies every request deeply, which costs a third of what a question costs here.
        """
        from qdrant_client.http import models

        if not requests:
            return []
        batch = models.QueryRequestBatch(searches=requests)
        with translating(f"search {index.physical}"):
            answer = self._client.http.search_api.query_batch_points(index.physical, query_request_batch=batch)
        return [each.points for each in answer.result or []]

    def _look_up(self, collection: str) -> ServedIndex:
        with translating(f"read the alias of {collection}"):
            aliases = self._client.get_aliases().aliases
        physical = next((alias.collection_name for alias in aliases if alias.alias_name == collection), None)
        if physical is None:
            raise UnknownCollection(collection, known=sorted(alias.alias_name for alias in aliases))
        with translating(f"read {physical}"):
            info = self._client.get_collection(physical)
        prefix = f"{Payload.METADATA}."
        fields: dict[str, FieldType] = {
            key.removeprefix(prefix): cast("FieldType", schema.data_type.value)
            for key, schema in info.payload_schema.items()
            if key.startswith(prefix)
        }
        stored = (info.config.metadata or {}).get(SPEC_METADATA)
        spec = stored_spec(physical, stored)
        return ServedIndex(physical=physical, spec=spec, fields=fields, points=info.points_count or 0)


def _request(
    query: "list[float] | models.SparseVector | None",
    using: str,
    within: "models.Filter | None",
    limit: int,
    *,
    payload: bool = False,
) -> "models.QueryRequest":
    """Return what asks for the best points of a list; with payloads, for all of a few points, exactly."""
    from qdrant_client.http import models

    return models.QueryRequest(
        query=None if query is None else models.NearestQuery(nearest=query),
        using=None if query is None else using,
        filter=within,
        limit=limit,
        with_payload=payload,
        params=models.SearchParams(exact=True) if payload else None,
    )


def _sparse(terms: Sequence[tuple[int, float]]) -> "models.SparseVector":
    from qdrant_client.http import models

    return models.SparseVector(indices=[index for index, _ in terms], values=[float(weight) for _, weight in terms])


def _scores(points: "Sequence[models.ScoredPoint]") -> dict[str, float]:
    return {str(point.id): point.score for point in points}


def _narrowed(
    groups: Sequence[str] | None, conditions: Sequence[Condition], *more: "models.Condition"
) -> "models.Filter | None":
    """Return what a point must satisfy: to be seen by the groups, the conditions, and ``more``."""
    from qdrant_client.http import models

    must = [*more, *_rights(groups), *(_must(each) for each in conditions if not _is_negative(each))]
    must_not = [_must(each) for each in conditions if _is_negative(each)]
    return models.Filter(must=must or None, must_not=must_not or None) if must or must_not else None


def _rights(groups: Sequence[str] | None) -> "list[models.Condition]":
    """Return the access condition; ``None`` is a caller who may see everything."""
    from qdrant_client.http import models

    if groups is None:
        return []
    match = models.MatchAny(any=sorted({*groups, EVERYONE}))
    return [models.FieldCondition(key=Payload.ALLOWED_GROUPS, match=match)]


def _is_negative(condition: Condition) -> bool:
    return (isinstance(condition, AnyOf) and condition.negated) or (isinstance(condition, Exists) and condition.wanted)


def _must(condition: Condition) -> "models.Condition":
    """Return Qdrant's condition; for a negative one (``_is_negative``) that which must not hold."""
    from qdrant_client.http import models

    key = f"{Payload.METADATA}.{condition.field}"
    if isinstance(condition, Exists):
        return models.IsEmptyCondition(is_empty=models.PayloadField(key=key))
    if isinstance(condition, AnyOf):
        return _any_of(key, condition)
    bounds = {name: value for name in ("gt", "gte", "lt", "lte") if (value := getattr(condition, name)) is not None}
    if any(not isinstance(value, int | float) for value in bounds.values()):
        return models.FieldCondition(key=key, range=models.DatetimeRange(**bounds))
    return models.FieldCondition(key=key, range=models.Range(**bounds))


def _any_of(key: str, condition: AnyOf) -> "models.Condition":
    """Return one match for strings and whole numbers; other types, which Qdrant cannot match, as single points."""
    from qdrant_client.http import models

    if condition.type in {"keyword", "integer"}:
        return models.FieldCondition(key=key, match=models.MatchAny(any=cast("list[str]", list(condition.values))))
    if condition.type == "bool":
        each = [models.FieldCondition(key=key, match=models.MatchValue(value=bool(v))) for v in condition.values]
    elif condition.type == "float":
        each = [
            models.FieldCondition(key=key, range=models.Range(gte=float(v), lte=float(v))) for v in condition.values
        ]
    else:
        each = [
            models.FieldCondition.model_validate({"key": key, "range": {"gte": v, "lte": v}}) for v in condition.values
        ]
    return models.Filter(should=list(each))
