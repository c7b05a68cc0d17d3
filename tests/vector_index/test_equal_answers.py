"""One corpus in both stores, asked the same: the answers are the same to 1e-4, whatever is asked."""

import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from rag_core.filters import parse_filters
from rag_core.index_spec import Payload
from rag_core.sparse import Bm25
from rag_core.vector_index import Candidates, IndexSearcher, IndexWrite, ReadPoints, ServedIndex
from tests.pipeline.word_embedder import WordEmbedder
from tests.retrieval.small_index import Doc, id_of, write_docs
from tests.vector_index.stores import TestedStore

EMBEDDER = WordEmbedder()
BM25 = Bm25(k1=1.2, b=0.75, average_length=60)
WORDS = [f"word{number}" for number in range(80)]
GROUPS: list[Sequence[str]] = [["*"], ["red"], ["blue"], ["red", "blue"], [], ["*", "red"]]
TEAMS = ["x", "y", "", "ü 💥", ["x", "y"], [], None, ["z"], 7, True, {"x": 1}]
YEARS = [2023, 2024, 2025, [2023, 2025], "2024", 2024.0, None, -1, 2**40, True, []]
PRICES = [1.5, 2, 0.1, -3.25, [0.1, 99], "1.5", None, 1e12]
REVIEWED = [True, False, [True, False], "true", 1, None]
WRITTEN = [
    *(
        "2026-01-31",
        "2026-01-31T00:00:00Z",
        "2026-01-31T10:00:00+02:00",
        "2026-01-31 10:00:00",
        "2026-01-31T10:00:00.25",
    ),
    *("2025-12-31T23:30:00-01:00", "yesterday", "now", "2026-02-30", "31.01.2026", 1769817600, None, "", "infinity"),
    *(["2026-01-01", "2027-01-01"], [], "2026-01-31T10:00"),
]
FILTERS: list[dict[str, Any]] = [
    *({"team": team} for team in ("x", "y", "", "ü 💥", "nobody")),
    *({"team": {"not": team}} for team in ("x", ["x", "y", "z"], "nobody")),
    *({"team": {"exists": there}} for there in (True, False)),
    *({"year": year} for year in (2023, 2024, [2023, -1], 2**40, 0)),
    *({"year": {"not": year}} for year in (2023, [2023, 2024])),
    *(
        {"year": bounds}
        for bounds in ({"gte": 2024}, {"gt": 2024}, {"lt": 2024, "gte": 2023}, {"lte": -1}, {"gt": 2.5})
    ),
    *({"year": {"exists": there}} for there in (True, False)),
    *({"price": price} for price in (1.5, 2, 0.1, [0.1, -3.25])),
    *({"price": bounds} for bounds in ({"gte": 0.1, "lt": 2}, {"lt": 0}, {"gt": 1e11}, {"not": [1.5, 2]})),
    *({"reviewed": reviewed} for reviewed in (True, False, [True, False], {"not": True}, {"exists": False})),
    *({"written": at} for at in ("2026-01-31", "2026-01-31T08:00:00Z", ["2026-01-01", "2026-01-31T10:00:00Z"])),
    *({"written": {"gte": "2026-01-31"}}, {"written": {"gt": "2026-01-31", "lte": "2026-01-31T10:00:00.250Z"}}),
    *({"written": {"lt": "2026-01-01T00:30:00Z"}}, {"written": {"not": "2026-01-31"}}, {"written": {"exists": True}}),
    {"team": ["x", "z"], "year": {"gte": 2023}, "price": {"lt": 5}},
    {"team": {"not": ["x"], "exists": True}, "reviewed": {"exists": True}},
]


def corpus() -> list[Doc]:
    chance = random.Random(7)
    docs: list[Doc] = []
    for number in range(240):
        values: Mapping[str, Sequence[Any]] = {
            "team": TEAMS, "year": YEARS, "price": PRICES, "reviewed": REVIEWED, "written": WRITTEN
        }  # fmt: skip
        metadata = {name: chance.choice(some) for name, some in values.items() if chance.random() < 0.7}
        # Lengths and repeats differ, so that hardly any two scores are equal.
        text = " ".join(chance.choices(WORDS, weights=range(1, 81), k=chance.randint(3, 60)))
        docs.append(Doc(uri=f"file:///{number}", texts=[text], metadata=metadata, groups=chance.choice(GROUPS)))
    return docs


DOCS = corpus()
Sides = tuple[tuple[IndexSearcher, ServedIndex], ...]


@pytest.fixture(scope="module")
def sides(stores: dict[str, TestedStore]) -> Iterator[Sides]:
    name = f"t{uuid.uuid4().hex[:12]}"
    opened: list[tuple[IndexSearcher, ServedIndex]] = []
    physical = ""
    for store in (stores["qdrant"], stores["timescale"]):
        physical = write_docs(store.writer(), name, EMBEDDER, DOCS)
        moved = {id_of(name, doc): {Payload.ALLOWED_GROUPS: ["green"]} for doc in DOCS[190:200]}
        store.writer().apply(physical, IndexWrite(documents=moved))
        searcher = store.searcher()
        opened.append((searcher, searcher.served(name)))
    yield tuple(opened)
    for store in stores.values():
        store.drop(physical)


def ask(
    side: tuple[IndexSearcher, ServedIndex],
    words: str,
    *,
    groups: Sequence[str] | None = None,
    filters: dict[str, Any] | None = None,
    limit: int = 400,
) -> Candidates:
    searcher, index = side
    return searcher.candidates(
        index,
        dense=EMBEDDER.embed_query(words).tolist(),
        sparse=BM25.query(words),
        groups=groups,
        conditions=parse_filters(filters or {}, index.fields),
        limit=limit,
    )


def assert_equal(one: Candidates, other: Candidates) -> None:
    for ours, theirs in ((one.dense, other.dense), (one.sparse, other.sparse)):
        assert {point: ours.get(point) for point in ours.keys() ^ theirs.keys()} == {}
        assert dict(ours) == pytest.approx(dict(theirs), abs=1e-4)
    assert list(one.term_tops) == pytest.approx(list(other.term_tops), abs=1e-4)


def test_both_serve_the_same(sides: Sides) -> None:
    (_, qdrant), (_, timescale) = sides
    assert qdrant == timescale


def test_scores_and_bounds_are_equal_for_all_eyes(sides: Sides) -> None:
    chance = random.Random(11)
    for groups in (None, [], ["red"], ["blue", "green"], ["nobody"], ["*"]):
        for size in (1, 2, 5, 12):
            words = " ".join([*chance.choices(WORDS, k=size), "unheard", *chance.choices(WORDS[:3], k=size // 5)])
            qdrant, timescale = (ask(side, words, groups=groups) for side in sides)
            assert len(qdrant.dense) > 20
            assert_equal(timescale, qdrant)


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_filters_let_the_same_points_through(sides: Sides, filters: dict[str, Any]) -> None:
    qdrant, timescale = (ask(side, "word1 word40 word79", groups=["red"], filters=filters) for side in sides)
    assert_equal(timescale, qdrant)


def test_a_cut_list_has_the_best_and_what_is_read_both_scores(sides: Sides) -> None:
    words = "word3 word50 word70 word71"
    dense, sparse = EMBEDDER.embed_query(words).tolist(), BM25.query(words)
    both: list[ReadPoints] = []
    for side in sides:
        deep, cut = ask(side, words, groups=["red"]), ask(side, words, groups=["red"], limit=10)
        assert sorted(cut.dense.values()) == pytest.approx(sorted(deep.dense.values())[-10:], abs=1e-6)
        assert sorted(cut.sparse.values()) == pytest.approx(sorted(deep.sparse.values())[-10:], abs=1e-6)
        searcher, index = side
        points = sorted({*cut.dense, *cut.sparse})
        read = searcher.read(index, points, dense=dense, sparse=sparse, groups=["red"])
        assert sorted(read.payloads) == sorted(read.dense) == points
        assert dict(read.dense) == pytest.approx({one: deep.dense[one] for one in points}, abs=1e-6)
        assert dict(read.sparse) == pytest.approx({one: deep.sparse[one] for one in read.sparse}, abs=1e-5)
        both.append(read)
    qdrant, timescale = both
    assert timescale.payloads == qdrant.payloads
    for ours, theirs in ((timescale.dense, qdrant.dense), (timescale.sparse, qdrant.sparse)):
        assert dict(ours) == pytest.approx(dict(theirs), abs=1e-4)


def test_what_was_written_again_or_deleted_counts_neither_twice_nor_still(
    stores: dict[str, TestedStore], request: pytest.FixtureRequest
) -> None:
    """Qdrant's own IDF counts such points until it optimizes; that of PostgreSQL is as if they had never been."""
    timescale = stores["timescale"]
    request.addfinalizer(timescale.clean)
    name, fresh = timescale.new_collection(), timescale.new_collection()
    physical = write_docs(timescale.writer(), name, EMBEDDER, DOCS[:80])
    write_docs(timescale.writer(), name, EMBEDDER, DOCS[:40])
    timescale.writer().delete_documents(physical, [id_of(name, doc) for doc in DOCS[60:80]])
    write_docs(timescale.writer(), fresh, EMBEDDER, DOCS[:60])
    searcher = timescale.searcher()
    churned, clean = (ask((searcher, searcher.served(each)), "word20 word70 word78") for each in (name, fresh))
    assert churned.term_tops == clean.term_tops
    for one, other in ((churned.sparse, clean.sparse), (churned.dense, clean.dense)):
        assert sorted(one.values()) == pytest.approx(sorted(other.values()))


def test_one_leg_alone_is_the_same_leg(sides: Sides) -> None:
    dense, sparse = EMBEDDER.embed_query("word9").tolist(), BM25.query("word9 word60")
    alone = [
        (
            searcher.candidates(index, dense=dense, sparse=None, groups=None, limit=400),
            searcher.candidates(index, dense=None, sparse=sparse, groups=["red"], limit=400),
            searcher.candidates(index, dense=None, sparse=None, groups=None),
        )
        for searcher, index in sides
    ]
    for qdrant, timescale in zip(*alone, strict=True):
        assert_equal(timescale, qdrant)
