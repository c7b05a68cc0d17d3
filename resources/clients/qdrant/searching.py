"""The reader's side of the vector index: what an alias serves now, and one batch request per question."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from rag_core.access import EVERYONE
from rag_core.filters import AnyOf, Condition, Exists, FieldType
from rag_core.index_spec import DENSE, SPARSE, Payload
from rag_core.sparse import SparseVector
from rag_core.vector_index import Candidates, ServedIndex, UnknownCollection, stored_spec
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

        rights = _rights(groups)
        narrowed = models.Filter(
            must=[*rights, *(_must(each) for each in conditions if not _is_negative(each))] or None,
            must_not=[_must(each) for each in conditions if _is_negative(each)] or None,
        )
        within = models.Filter(must=list(rights)) if rights else None
        terms = [] if sparse is None else list(zip(sparse.indices, sparse.values, strict=True))
        requests: list[models.QueryRequest] = []
        if dense is not None:
            requests.append(_request(list(dense), DENSE, narrowed, limit, payload=True))
        if terms:
            requests.append(_request(_sparse(terms), SPARSE, narrowed, limit, payload=True))
            requests.extend(_request(_sparse([term]), SPARSE, within, 1, payload=False) for term in terms)
        if not requests:
            return Candidates(dense={}, sparse={}, term_tops=(), payloads={})
        with translating(f"search {index.physical}"):
            answers = iter(self._client.query_batch_points(index.physical, requests))
        payloads: dict[str, Mapping[str, Any]] = {}
        near = _scores(next(answers).points, payloads) if dense is not None else {}
        worded = _scores(next(answers).points, payloads) if terms else {}
        tops = [answer.points[0].score if answer.points else 0.0 for answer in answers]
        return Candidates(dense=near, sparse=worded, term_tops=tuple(tops), payloads=payloads)

    def completed(
        self, index: ServedIndex, found: Candidates, *, dense: Sequence[float], sparse: SparseVector
    ) -> Candidates:
        """Return the candidates with both scores of every point, in one more request; see ``IndexSearcher``."""
        from qdrant_client.http import models

        terms = list(zip(sparse.indices, sparse.values, strict=True))
        worded_only, near_only = found.without_dense, found.without_sparse if terms else []
        requests: list[models.QueryRequest] = []
        for ids, query, using in ((worded_only, list(dense), DENSE), (near_only, _sparse(terms), SPARSE)):
            if ids:
                these = models.Filter(must=[models.HasIdCondition(has_id=list(ids))])
                exactly = models.SearchParams(exact=True)
                requests.append(_request(query, using, these, len(ids), payload=False, params=exactly))
        if not requests:
            return found
        with translating(f"search {index.physical}"):
            answers = iter(self._client.query_batch_points(index.physical, requests))
        near = _scores(next(answers).points, {}) if worded_only else {}
        worded = _scores(next(answers).points, {}) if near_only else {}
        return replace(found, dense={**found.dense, **near}, sparse={**found.sparse, **worded})

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
    query: "list[float] | models.SparseVector",
    using: str,
    within: "models.Filter | None",
    limit: int,
    *,
    payload: bool,
    params: "models.SearchParams | None" = None,
) -> "models.QueryRequest":
    from qdrant_client.http import models

    nearest = models.NearestQuery(nearest=query)
    return models.QueryRequest(
        query=nearest, using=using, filter=within, limit=limit, with_payload=payload, params=params
    )


def _sparse(terms: Sequence[tuple[int, float]]) -> "models.SparseVector":
    from qdrant_client.http import models

    return models.SparseVector(indices=[index for index, _ in terms], values=[float(weight) for _, weight in terms])


def _scores(points: "Sequence[models.ScoredPoint]", payloads: dict[str, Mapping[str, Any]]) -> dict[str, float]:
    for point in points:
        payloads[str(point.id)] = point.payload or {}
    return {str(point.id): point.score for point in points}


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
