"""What is asked of every engine; a scenario gets a client and a collection's name, and returns its answers.

The name is free; a scenario that only reads gets the name of a filled collection that all of them share.
``local_differs`` says why qdrant-client's local mode answers otherwise than a Qdrant server does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qdrant_client import QdrantClient, models

from tests.qdrant.corpus import create, dense, fill, point, point_id, sparse

Run = Callable[[QdrantClient, str], Any]
ALL = 100
"""A limit above every match, so that none cuts through equal scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    run: Run
    only_reads: bool = False
    local_differs: str | None = None


SCENARIOS: dict[str, Scenario] = {}


def scenario(run: Run | None = None, *, only_reads: bool = False, local_differs: str | None = None) -> Any:
    def keep(run: Run) -> Run:
        SCENARIOS[run.__name__] = Scenario(run=run, only_reads=only_reads, local_differs=local_differs)
        return run

    return keep if run is None else keep(run)


def reading(run: Run) -> Run:
    return scenario(only_reads=True)(run)


def field(key: str, **condition: Any) -> models.FieldCondition:
    return models.FieldCondition(key=key, **condition)


def must(*conditions: Any) -> models.Filter:
    return models.Filter(must=list(conditions))


def among(key: str, *values: Any) -> models.FieldCondition:
    return field(key, match=models.MatchAny(any=list(values)))


def equals(key: str, value: Any) -> models.FieldCondition:
    return field(key, match=models.MatchValue(value=value))


def everything(client: QdrantClient, name: str, **asked: Any) -> list[models.Record]:
    records, following = client.scroll(name, limit=ALL, **{"with_payload": True, **asked})
    assert following is None
    return sorted(records, key=lambda record: str(record.id))


@scenario
def a_collection_tells_its_vectors_and_metadata(client: QdrantClient, name: str) -> Any:
    create(client, name)
    config = client.get_collection(name).config
    return [config.params.vectors, config.params.sparse_vectors, config.metadata]


@scenario
def metadata_is_merged(client: QdrantClient, name: str) -> Any:
    create(client, name)
    client.update_collection(name, metadata={"made_by": "someone else", "more": [1, 2]})
    return client.get_collection(name).config.metadata


@scenario
def a_collection_is_there_until_it_is_deleted(client: QdrantClient, name: str) -> Any:
    before = client.collection_exists(name)
    create(client, name)
    listed = name in {each.name for each in client.get_collections().collections}
    there, deleted = client.collection_exists(name), client.delete_collection(name)
    return [before, listed, there, deleted, client.collection_exists(name), client.delete_collection(name)]


@scenario
def an_alias_stands_for_its_collection(client: QdrantClient, name: str) -> Any:
    fill(client, name)
    alias, renamed = f"{name}-alias", f"{name}-renamed"
    make = models.CreateAlias(collection_name=name, alias_name=alias)
    client.update_collection_aliases([models.CreateAliasOperation(create_alias=make)])
    client.upsert(alias, [point(99)], wait=True)
    client.set_payload(alias, {"number": -1}, [point_id(99)], wait=True)
    answers = [client.count(alias), client.count(name), client.retrieve(alias, [point_id(99)])]
    rename = models.RenameAlias(old_alias_name=alias, new_alias_name=renamed)
    client.update_collection_aliases([models.RenameAliasOperation(rename_alias=rename)])
    answers += [[each.alias_name.removeprefix(name) for each in client.get_collection_aliases(name).aliases]]
    drop = models.DeleteAlias(alias_name=renamed)
    client.update_collection_aliases([models.DeleteAliasOperation(delete_alias=drop)])
    return [*answers, client.get_collection_aliases(name)]


@reading
def dense_vectors_are_found_by_nearness(client: QdrantClient, name: str) -> Any:
    asked = {"query": dense(1000), "using": "dense"}
    return [
        client.query_points(name, **asked, limit=10),
        client.query_points(name, **asked, limit=5, offset=3, with_payload=["group", "place.page"]),
        client.query_points(name, **asked, limit=3, with_vectors=True, with_payload=True),
        client.query_points(name, **asked, limit=3, with_vectors=["sparse"]),
        client.query_points(name, **asked, limit=ALL, score_threshold=0.2),
        client.query_points(name, **asked, limit=ALL, query_filter=must(equals("group", "red"))),
        client.query_points(name, **asked, limit=5, search_params=models.SearchParams(exact=True, hnsw_ef=64)),
    ]


@reading
def sparse_vectors_are_weighted_by_idf(client: QdrantClient, name: str) -> Any:
    whole = models.SparseVector(indices=[1, 4, 9, 16], values=[1.0, 1.0, 0.5, 2.0])
    terms = [models.SparseVector(indices=[term], values=[1.0]) for term in whole.indices]
    return [
        client.query_points(name, query=asked, using="sparse", limit=limit, query_filter=within)
        for asked in [whole, *terms]
        for limit, within in [(ALL, None), (1, None), (ALL, must(equals("open", True)))]
    ]


@reading
def points_are_found_by_the_vector_of_a_point(client: QdrantClient, name: str) -> Any:
    return client.query_points(name, query=point_id(3), using="dense", limit=5)


@reading
def rrf_merges_ranks(client: QdrantClient, name: str) -> Any:
    return client.query_points(
        name,
        prefetch=_two_lists(),
        query=models.FusionQuery(fusion=models.Fusion.RRF),
        limit=ALL,
        with_payload=["year"],
    )


@reading
def weighted_rrf_merges_ranks(client: QdrantClient, name: str) -> Any:
    query = models.RrfQuery(rrf=models.Rrf(k=60, weights=[3.0, 1.0]))
    return client.query_points(name, prefetch=_two_lists(), query=query, limit=ALL)


@reading
def dbsf_merges_scores(client: QdrantClient, name: str) -> Any:
    query = models.FusionQuery(fusion=models.Fusion.DBSF)
    return [
        client.query_points(name, prefetch=_two_lists(), query=query, limit=ALL),
        client.query_points(name, prefetch=_two_lists(), query=query, limit=ALL, score_threshold=0.7),
        client.query_points(name, prefetch=_two_lists(must(equals("group", "blue"))), query=query, limit=ALL),
    ]


@reading
def a_prefetch_is_ranked_again(client: QdrantClient, name: str) -> Any:
    inner = models.Prefetch(query=sparse(2000), using="sparse", limit=ALL)
    return client.query_points(name, prefetch=inner, query=dense(1000), using="dense", limit=ALL)


@reading
def a_batch_answers_each_question_alone(client: QdrantClient, name: str) -> Any:
    rights = must(among("allowed_groups", "staff", "*"))
    requests = [
        models.QueryRequest(query=dense(7000), using="dense", filter=rights, limit=20, with_payload=True),
        models.QueryRequest(query=sparse(2000), using="sparse", filter=rights, limit=ALL, with_payload=["text"]),
        *(
            models.QueryRequest(query=models.SparseVector(indices=[term], values=[1.0]), using="sparse", limit=1)
            for term in (0, 3, 5, 29, 4000)
        ),
        models.QueryRequest(
            prefetch=_two_lists(rights), query=models.FusionQuery(fusion=models.Fusion.DBSF), limit=ALL
        ),
    ]
    return client.query_batch_points(name, requests)


@reading
def a_scroll_pages_through_everything_once(client: QdrantClient, name: str) -> Any:
    pages: list[list[Any]] = []
    offset: Any = None
    while not pages or offset is not None:
        records, offset = client.scroll(name, limit=7, offset=offset, with_payload=["number"])
        pages.append([(record.id, record.payload) for record in records])
    return pages


@reading
def a_scroll_takes_hundreds_of_values(client: QdrantClient, name: str) -> Any:
    wanted = [f"nobody-{number}" for number in range(400)]
    wanted += [(client.retrieve(name, [point_id(number)])[0].payload or {})["document_id"] for number in (0, 20)]
    asked = {"scroll_filter": must(among("document_id", *wanted))}
    return [
        everything(client, name, **asked, with_payload=["number", "document_id", "allowed_groups"]),
        everything(client, name, **asked, with_payload=models.PayloadSelectorInclude(include=["place.page"])),
        everything(client, name, **asked, with_payload=models.PayloadSelectorExclude(exclude=["place", "text"])),
        everything(client, name, **asked, with_payload=False, with_vectors=["dense"]),
        everything(client, name, **asked, with_payload=False, with_vectors=True),
    ]


@reading
def a_scroll_follows_a_payload_field(client: QdrantClient, name: str) -> Any:
    descending = models.OrderBy(key="price", direction=models.Direction.DESC, start_from=3.5)
    return [
        client.scroll(name, limit=6, order_by="year", with_payload=["year"]),
        client.scroll(name, limit=6, order_by=descending, with_payload=["price"]),
        client.scroll(name, limit=6, order_by="year", scroll_filter=must(equals("group", "grey"))),
    ]


@reading
def filters_count_the_same_points(client: QdrantClient, name: str) -> Any:
    return {words: client.count(name, count_filter=asked, exact=True).count for words, asked in _filters().items()}


@scenario
def payload_is_set_for_ids_and_filters(client: QdrantClient, name: str) -> Any:
    fill(client, name)
    client.set_payload(name, {"note": "by id", "place": {"page": 0}}, [point_id(1), point_id(2)], wait=True)
    client.set_payload(name, {"title": "by filter"}, must(equals("group", "blue")), wait=True)
    client.set_payload(name, {"page": 7}, [point_id(3)], key="place", wait=True)
    by_filter = client.count(name, count_filter=must(equals("title", "by filter")))
    return [by_filter, everything(client, name)]


@scenario
def payload_is_replaced_and_removed(client: QdrantClient, name: str) -> Any:
    fill(client, name, points=8)
    client.overwrite_payload(name, {"only": 1}, [point_id(1)], wait=True)
    client.overwrite_payload(name, {"only": 2}, must(equals("group", "blue")), wait=True)
    client.delete_payload(name, ["text", "place"], [point_id(3)], wait=True)
    client.delete_payload(name, ["year"], must(equals("group", "red")), wait=True)
    client.clear_payload(name, [point_id(5)], wait=True)
    client.clear_payload(name, models.FilterSelector(filter=must(equals("number", 7))), wait=True)
    return everything(client, name)


@scenario
def points_are_deleted_by_id_and_filter(client: QdrantClient, name: str) -> Any:
    fill(client, name)
    client.delete(name, [point_id(1), point_id(2), point_id(4000)], wait=True)
    client.delete(name, models.FilterSelector(filter=must(equals("group", "red"))), wait=True)
    client.delete(name, must(among("year", 2003, 2007)), wait=True)
    near = client.query_points(name, query=dense(1000), using="dense", limit=ALL)
    return [client.count(name), everything(client, name), near]


@scenario(local_differs="the engine counts deleted points in IDF until their segment is rebuilt, local mode does not")
def deleted_points_are_not_found_by_their_terms(client: QdrantClient, name: str) -> Any:
    fill(client, name)
    client.delete(name, [point_id(number) for number in range(10)], wait=True)
    return client.query_points(name, query=sparse(2000), using="sparse", limit=ALL)


@scenario
def an_upsert_replaces_the_whole_point(client: QdrantClient, name: str) -> Any:
    fill(client, name, points=4)
    client.upsert(name, [models.PointStruct(id=point_id(1), vector={"dense": dense(9)}, payload={"new": True})])
    client.upsert(name, [point(2, year=1), point(2, year=2)], wait=True)
    return everything(client, name, with_vectors=True)


@scenario
def points_come_column_by_column(client: QdrantClient, name: str) -> Any:
    create(client, name)
    vectors = {"dense": [dense(1), dense(2)], "sparse": [sparse(1), sparse(2)]}
    client.upsert(name, models.Batch(ids=[1, 2], vectors=vectors, payloads=[{"a": 1}, {}]), wait=True)
    client.upsert(name, models.Batch(ids=[3], vectors={"dense": [dense(3)]}), wait=True)
    return everything(client, name, with_vectors=True)


@scenario
def an_upsert_can_leave_present_points_alone(client: QdrantClient, name: str) -> Any:
    fill(client, name, points=3)
    new = [point(number, year=-1) for number in (2, 3)]
    client.upsert(name, new, update_mode=models.UpdateMode.INSERT_ONLY, wait=True)
    client.upsert(name, new, update_filter=must(equals("group", "grey")), wait=True)
    return everything(client, name)


@scenario
def points_are_read_by_id(client: QdrantClient, name: str) -> Any:
    fill(client, name)
    client.upsert(name, [models.PointStruct(id=7, vector={"dense": dense(7)}, payload={"kind": "number"})])
    asked = [point_id(1), 7, point_id(4000)]
    answers = [client.retrieve(name, asked, with_payload=chosen) for chosen in (True, False, ["number", "kind"])]
    answers.append(client.retrieve(name, asked, with_vectors=True))
    return [sorted(answer, key=lambda record: str(record.id)) for answer in answers]


@scenario
def vectors_are_changed_alone(client: QdrantClient, name: str) -> Any:
    fill(client, name, points=4)
    client.update_vectors(name, [models.PointVectors(id=point_id(1), vector={"dense": dense(50)})], wait=True)
    client.delete_vectors(name, ["sparse"], [point_id(2)], wait=True)
    without = must(models.HasVectorCondition(has_vector="sparse"))
    return [everything(client, name, with_vectors=True), client.count(name, count_filter=without)]


@scenario
def updates_come_in_batches(client: QdrantClient, name: str) -> Any:
    fill(client, name, points=6)
    moved = [
        models.SetPayloadOperation(set_payload=models.SetPayload(payload={"place": {"page": 9}}, points=[point_id(n)]))
        for n in range(3)
    ]
    others = [
        models.UpsertOperation(upsert=models.PointsList(points=[point(8), point(9)])),
        models.DeleteOperation(delete=models.PointIdsList(points=[point_id(4)])),
        models.DeletePayloadOperation(delete_payload=models.DeletePayload(keys=["text"], points=[point_id(9)])),
        models.OverwritePayloadOperation(
            overwrite_payload=models.SetPayload(payload={"x": 1}, filter=must(equals("number", 5)))
        ),
        models.ClearPayloadOperation(clear_payload=models.PointIdsList(points=[point_id(8)])),
    ]
    results = client.batch_update_points(name, [*moved, *others], wait=True)
    return [[result.status for result in results], everything(client, name)]


@reading
def values_are_counted(client: QdrantClient, name: str) -> Any:
    return [
        [(hit.value, hit.count) for hit in client.facet(name, key, facet_filter=within, exact=True, limit=20).hits]
        for key in ("group", "allowed_groups", "open", "year")
        for within in (None, must(field("year", range=models.Range(gte=2010, lt=2015))))
    ]


@scenario(local_differs="local mode has no payload indexes and shows an empty schema")
def payload_indexes_are_shown_until_they_are_dropped(client: QdrantClient, name: str) -> Any:
    fill(client, name)
    schema = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
    client.create_payload_index(name, "place.page", field_schema=models.PayloadSchemaType.INTEGER, wait=True)
    client.create_payload_index(name, "tenant", field_schema=schema, wait=True)
    client.create_payload_index(name, "group", field_schema=models.PayloadSchemaType.KEYWORD, wait=True)
    client.delete_payload_index(name, "price", wait=True)
    return client.get_collection(name).payload_schema


@scenario
def an_unnamed_vector_has_any_distance(client: QdrantClient, name: str) -> Any:
    answers: list[Any] = []
    for distance in (models.Distance.DOT, models.Distance.EUCLID, models.Distance.MANHATTAN, models.Distance.COSINE):
        client.create_collection(name, vectors_config=models.VectorParams(size=8, distance=distance))
        points = [models.PointStruct(id=number, vector=dense(number), payload={}) for number in range(6)]
        client.upsert(name, points, wait=True)
        answers.append(client.query_points(name, query=dense(50), limit=ALL, with_vectors=True))
        client.delete_collection(name)
    return answers


@reading
def diversity_reorders_the_nearest(client: QdrantClient, name: str) -> Any:
    query = models.NearestQuery(nearest=dense(1000), mmr=models.Mmr(diversity=0.6, candidates_limit=20))
    found = client.query_points(name, query=query, using="dense", limit=6).points
    return [hit.id for hit in found]


@reading
def a_sample_draws_points(client: QdrantClient, name: str) -> Any:
    drawn = client.query_points(name, query=models.SampleQuery(sample=models.Sample.RANDOM), limit=12).points
    return len({hit.id for hit in drawn})


def _two_lists(within: models.Filter | None = None) -> list[models.Prefetch]:
    return [
        models.Prefetch(query=dense(1000), using="dense", limit=ALL, filter=within),
        models.Prefetch(query=sparse(2000), using="sparse", limit=ALL, filter=within),
    ]


def _filters() -> dict[str, models.Filter]:
    red, old = equals("group", "red"), field("year", range=models.Range(lt=2010))
    january = models.DatetimeRange(gte="2024-01-05T00:00:00Z", lt="2024-01-09T10:00:00Z")  # pyright: ignore[reportArgumentType] - the words of a client
    big_part = must(equals("kind", "y"), field("size", range=models.Range(gte=35)))
    nested = models.Nested(key="parts", filter=big_part)
    near = models.GeoRadius(center=models.GeoPoint(lon=13.0, lat=52.5), radius=20_000)
    corners = {"top_left": models.GeoPoint(lon=13.5, lat=53), "bottom_right": models.GeoPoint(lon=14.5, lat=52)}
    return {
        "a keyword": must(red),
        "a keyword that no point has": must(equals("group", "violet")),
        "an integer": must(equals("year", 2004)),
        "true": must(equals("open", True)),
        "false": must(equals("open", False)),
        "true of a field without index": must(equals("missing", True)),
        "any keyword": must(among("group", "red", "blue", "violet")),
        "any of nothing": must(among("group")),
        "any integer": must(among("year", 2001, 2002, 1900)),
        "any of a list": must(among("allowed_groups", "board")),
        "none of these": must(field("group", match=models.MatchExcept(**{"except": ["red", "blue"]}))),
        "an integer range": must(field("year", range=models.Range(gt=2003, lte=2011))),
        "a float range": must(field("price", range=models.Range(gte=1.5, lt=2.0))),
        "a time range": must(field("seen_at", range=january)),
        "not": models.Filter(must_not=[red, old]),
        "should": models.Filter(should=[red, old]),
        "both": models.Filter(must=[old], must_not=[red]),
        "two of three": models.Filter(
            min_should=models.MinShould(conditions=[red, old, equals("open", True)], min_count=2)
        ),
        "a filter in a filter": must(models.Filter(should=[red, equals("group", "blue")]), old),
        "empty": must(models.IsEmptyCondition(is_empty=models.PayloadField(key="extra"))),
        "not empty": models.Filter(must_not=[models.IsEmptyCondition(is_empty=models.PayloadField(key="missing"))]),
        "null": must(models.IsNullCondition(is_null=models.PayloadField(key="note"))),
        "by id": must(models.HasIdCondition(has_id=[point_id(1), point_id(2), point_id(4000)])),
        "has a vector": must(models.HasVectorCondition(has_vector="sparse")),
        "an inner field": must(equals("place.page", 4)),
        "a field of objects in a list": must(equals("parts[].size", 12)),
        "one object fulfils both": must(models.NestedCondition(nested=nested)),
        "how many values": must(field("allowed_groups", values_count=models.ValuesCount(gte=2))),
        "text": must(field("text", match=models.MatchText(text="number 12"))),
        "near": must(field("where", geo_radius=near)),
        "in a box": must(field("where", geo_bounding_box=models.GeoBoundingBox(**corners))),
        "nothing asked": models.Filter(),
    }
