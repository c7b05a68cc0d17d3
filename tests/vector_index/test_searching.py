"""What every searcher of a vector index promises: both lists, bounds, rights, filters, and what is gone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from rag_core.filters import parse_filters
from rag_core.sparse import Bm25
from rag_core.vector_index import Candidates, IndexGone, IndexSearcher, IndexWrite, UnknownCollection
from tests.pipeline.word_embedder import WordEmbedder
from tests.retrieval.small_index import FIELDS, Doc, id_of, spec_of, write_docs
from tests.vector_index.stores import TestedStore

EMBEDDER = WordEmbedder()
BM25 = Bm25(k1=1.2, b=0.75, average_length=100)
DOCS = (
    Doc(uri="file:///a", texts=["apples are red"], metadata={"team": "x", "year": 2023, "price": 1.5}),
    Doc(uri="file:///b", texts=["apples are green"], metadata={"team": "y", "year": 2024, "reviewed": True}),
    Doc(uri="file:///c", texts=["pears are yellow"], metadata={"year": 2025, "written": "2026-01-31T00:00:00Z"}),
    Doc(uri="file:///d", texts=["apples are secret"], metadata={"team": "x"}, groups=["board"]),
    Doc(uri="file:///e", texts=["apples are for nobody"], metadata={"team": "x"}, groups=[]),
)


@pytest.fixture
def searcher(store: TestedStore, collection: str) -> IndexSearcher:
    write_docs(store.writer(), collection, EMBEDDER, DOCS)
    return store.searcher()


def ask(
    searcher: IndexSearcher,
    collection: str,
    question: str,
    *,
    groups: Sequence[str] | None = None,
    filters: dict[str, Any] | None = None,
) -> Candidates:
    index = searcher.served(collection)
    return searcher.candidates(
        index,
        dense=EMBEDDER.embed_query(question).tolist(),
        sparse=BM25.query(question),
        groups=groups,
        conditions=parse_filters(filters or {}, index.fields),
    )


def payloads(
    searcher: IndexSearcher,
    collection: str,
    question: str,
    *,
    groups: Sequence[str] | None = None,
    filters: dict[str, Any] | None = None,
) -> list[Mapping[str, Any]]:
    """Return what is read of the candidates, which is of each of them."""
    candidates = ask(searcher, collection, question, groups=groups, filters=filters)
    index, points = searcher.served(collection), sorted({*candidates.dense, *candidates.sparse})
    conditions = parse_filters(filters or {}, index.fields)
    read = searcher.read(index, points, dense=None, sparse=None, groups=groups, conditions=conditions)
    assert (sorted(read.payloads), read.dense, read.sparse) == (points, {}, {})
    return list(read.payloads.values())


def found(searcher: IndexSearcher, collection: str, question: str, **narrowed: Any) -> str:
    return "".join(sorted(payload["uri"][-1] for payload in payloads(searcher, collection, question, **narrowed)))


def test_the_alias_says_which_index_what_its_vectors_are_and_which_fields_filters_take(
    searcher: IndexSearcher, collection: str
) -> None:
    served = searcher.served(collection)
    assert served.physical == spec_of(EMBEDDER).physical_name(collection)
    assert served.spec == spec_of(EMBEDDER)
    assert served.fields == {
        "team": "keyword",
        "year": "integer",
        "price": "float",
        "reviewed": "bool",
        "written": "datetime",
    }
    assert served.points == len(DOCS)


def test_both_lists_and_each_terms_best_score_come_from_one_batch(searcher: IndexSearcher, collection: str) -> None:
    candidates = ask(searcher, collection, "green apples zebra")
    assert len(candidates.dense) == len(DOCS)
    assert found(searcher, collection, "green apples zebra") == "abcde"
    query = BM25.query("green apples zebra")
    tops = dict(zip(query.indices, candidates.term_tops, strict=True))
    green, apple, zebra = (tops[BM25.query(word).indices[0]] for word in ("green", "apples", "zebra"))
    assert green > apple > zebra == 0.0
    best = max(candidates.sparse, key=lambda point: candidates.sparse[point])
    read = searcher.read(searcher.served(collection), [best], dense=None, sparse=None, groups=None)
    assert read.payloads[best]["uri"] == "file:///b"
    assert candidates.sparse[best] <= sum(candidates.term_tops) + 1e-5


@pytest.mark.parametrize(("words", "worded"), [("green apples pears", 2), ("green apples", 1)])
def test_what_is_read_has_its_true_scores_and_none_where_it_shares_no_word(
    searcher: IndexSearcher, collection: str, words: str, worded: int
) -> None:
    index = searcher.served(collection)
    dense, sparse = EMBEDDER.embed_query("yellow pears").tolist(), BM25.query(words)
    deep = searcher.candidates(index, dense=dense, sparse=sparse, groups=None)
    cut = searcher.candidates(index, dense=dense, sparse=sparse, groups=None, limit=1)
    points = sorted({*cut.dense, *cut.sparse})
    read = searcher.read(index, points, dense=dense, sparse=sparse, groups=None)
    assert (len(cut.dense), len(cut.sparse), len(read.dense), len(read.sparse)) == (1, 1, 2, worded)
    assert read.dense == pytest.approx({point: deep.dense[point] for point in points})
    assert read.sparse == pytest.approx({point: deep.sparse[point] for point in points if point in deep.sparse})


def test_what_may_not_be_seen_does_not_pass_or_is_gone_is_not_read(searcher: IndexSearcher, collection: str) -> None:
    index = searcher.served(collection)
    everything = sorted(ask(searcher, collection, "apples").dense)
    dense, sparse = EMBEDDER.embed_query("apples").tolist(), BM25.query("apples")
    conditions = parse_filters({"team": "x"}, index.fields)
    read = searcher.read(
        index, [*everything, str(UUID(int=7))], dense=dense, sparse=sparse, groups=["board"], conditions=conditions
    )
    assert sorted(payload["uri"][-1] for payload in read.payloads.values()) == ["a", "d"]
    assert read.dense.keys() == read.sparse.keys() == read.payloads.keys()
    assert searcher.read(index, [], dense=dense, sparse=sparse, groups=None).payloads == {}


def test_groups_see_their_own_and_everyones_documents_and_nobodys_only_the_owner(
    searcher: IndexSearcher, collection: str
) -> None:
    assert found(searcher, collection, "apples", groups=[]) == "abc"
    assert found(searcher, collection, "apples", groups=["sales", "board"]) == "abcd"
    assert found(searcher, collection, "apples", groups=None) == "abcde"


def test_a_term_only_others_may_see_adds_nothing_to_the_bound(searcher: IndexSearcher, collection: str) -> None:
    assert ask(searcher, collection, "secret", groups=[]).term_tops == (0.0,)
    assert ask(searcher, collection, "secret", groups=["board"]).term_tops[0] > 0


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"team": "x"}, "ade"),
        ({"team": ["x", "y"]}, "abde"),
        ({"team": {"not": ["x"]}}, "bc"),
        ({"team": {"exists": False}}, "c"),
        ({"team": {"exists": True}, "year": {"exists": True}}, "ab"),
        ({"year": 2024}, "b"),
        ({"year": {"gte": 2024}}, "bc"),
        ({"year": {"gt": 2023, "lt": 2025}}, "b"),
        ({"price": 1.5}, "a"),
        ({"price": {"not": 1.5}}, "bcde"),
        ({"reviewed": True}, "b"),
        ({"written": "2026-01-31"}, "c"),
        ({"written": {"gte": "2026-02-01"}}, ""),
        ({"team": "x", "year": {"lte": 2023}}, "a"),
    ],
)
def test_filters_mean_what_they_say(
    searcher: IndexSearcher, collection: str, filters: dict[str, Any], expected: str
) -> None:
    assert found(searcher, collection, "apples pears", filters=filters) == expected


def test_a_filter_does_not_change_the_bound(searcher: IndexSearcher, collection: str) -> None:
    narrowed = ask(searcher, collection, "green apples", filters={"team": "x"})
    assert narrowed.term_tops == ask(searcher, collection, "green apples").term_tops


def test_a_question_of_stop_words_has_no_words_and_still_a_meaning(searcher: IndexSearcher, collection: str) -> None:
    candidates = ask(searcher, collection, "what is it")
    assert (candidates.sparse, candidates.term_tops) == ({}, ())
    assert candidates.dense


def test_an_unknown_collection_is_named_with_those_there_are(searcher: IndexSearcher, collection: str) -> None:
    with pytest.raises(UnknownCollection, match=collection):
        searcher.served("elsewhere")


def test_an_index_that_was_dropped_is_gone_and_looked_up_again(store: TestedStore, collection: str) -> None:
    searcher = store.searcher(refresh_s=3600)
    physical = write_docs(store.writer(), collection, EMBEDDER, DOCS[:1])
    old = searcher.served(collection)
    store.drop(physical)
    vector = [1.0] * EMBEDDER.dimension
    assert searcher.served(collection) == old
    with pytest.raises(IndexGone):
        searcher.candidates(old, dense=vector, sparse=None, groups=None)
    with pytest.raises(IndexGone):
        searcher.read(old, [str(UUID(int=7))], dense=vector, sparse=None, groups=None)
    with pytest.raises(IndexGone):
        searcher.points_of_documents(old, [id_of(collection, DOCS[0])], groups=None)
    spec = replace(spec_of(EMBEDDER), dimension=2)
    made = store.writer().ensure(collection, spec, FIELDS)
    assert made != physical
    new = searcher.served(collection, fresh=True)
    assert (new.physical, new.spec, new.points) == (made, spec, 0)
    empty = searcher.candidates(new, dense=[1.0, 0.0], sparse=BM25.query("apples"), groups=None)
    assert (empty.dense, empty.sparse) == ({}, {})


def test_points_of_documents_are_counted_as_the_groups_may_see_them(
    store: TestedStore, searcher: IndexSearcher, collection: str
) -> None:
    ids = {doc.uri[-1]: id_of(collection, doc) for doc in DOCS}
    two = Doc(uri="file:///f", texts=["one", "two"])
    write_docs(store.writer(), collection, EMBEDDER, [two])
    index = searcher.served(collection)
    asked = [ids["a"], ids["d"], ids["e"], id_of(collection, two), UUID(int=5)]

    def counted(groups: Sequence[str] | None) -> dict[UUID, int]:
        return dict(searcher.points_of_documents(index, asked, groups=groups))

    assert counted(None) == {ids["a"]: 1, ids["d"]: 1, ids["e"]: 1, id_of(collection, two): 2}
    assert counted(["board"]) == {ids["a"]: 1, ids["d"]: 1, id_of(collection, two): 2}
    assert counted([]) == {ids["a"]: 1, id_of(collection, two): 2}
    assert dict(searcher.points_of_documents(index, [], groups=None)) == {}


def test_a_narrowed_right_takes_effect_with_the_next_question(
    store: TestedStore, searcher: IndexSearcher, collection: str
) -> None:
    narrowed = IndexWrite(documents={id_of(collection, DOCS[0]): {"allowed_groups": ["board"]}})
    store.writer().apply(searcher.served(collection).physical, narrowed)
    assert found(searcher, collection, "apples", groups=[]) == "bc"
    assert found(searcher, collection, "apples", groups=["board"]) == "abcd"


def test_strange_names_of_groups_and_values_are_only_names(searcher: IndexSearcher, collection: str) -> None:
    strange = ["'; DROP TABLE x; --", '"}', "$1", "\x00", "\\u0000", "{}", "%s", "💥", "*"]
    assert found(searcher, collection, "apples", groups=strange) == "abc"
    assert found(searcher, collection, "apples", filters={"team": strange}) == ""
    assert found(searcher, collection, "apples", filters={"team": {"not": [*strange, "x"]}}) == "bc"


def test_a_payload_comes_back_as_it_was_written(store: TestedStore, searcher: IndexSearcher, collection: str) -> None:
    metadata: dict[str, Any] = {"team": '💥 "x"', "year": 2**53, "price": 0.1, "deep": {"a": [None, True, {}]}}
    written = Doc(uri="file:///g", texts=["grüße \\ \n\t an alle"], metadata=metadata)
    write_docs(store.writer(), collection, EMBEDDER, [written])
    [payload] = [one for one in payloads(searcher, collection, "grüße") if one["uri"] == written.uri]
    assert (payload["metadata"], payload["text"], payload["heading_path"]) == (metadata, written.texts[0], ["Chapter"])
