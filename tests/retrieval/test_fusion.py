import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core.fusion import RRF_K, Fusion, Mode, contenders, fuse, term_bounds

NAMES = st.sampled_from([f"p{number}" for number in range(12)])
COSINES = st.dictionaries(NAMES, st.floats(-1, 1))
BM25 = st.dictionaries(NAMES, st.floats(0, 40))


@given(dense=COSINES, sparse=BM25, fusion=st.sampled_from(list(Fusion)), mode=st.sampled_from(list(Mode)))
def test_every_found_point_comes_once_best_first_in_the_same_order_every_time(
    dense: dict[str, float], sparse: dict[str, float], fusion: Fusion, mode: Mode
) -> None:
    ranked = fuse(dense, sparse, mode=mode, fusion=fusion, bound=40)
    asked = {Mode.HYBRID: dense.keys() | sparse.keys(), Mode.DENSE: dense.keys(), Mode.SPARSE: sparse.keys()}[mode]
    assert {each.point_id for each in ranked} == asked
    assert len(ranked) == len(asked)
    assert [each.score for each in ranked] == sorted((each.score for each in ranked), reverse=True)
    turned = fuse(dict(reversed(dense.items())), dict(reversed(sparse.items())), mode=mode, fusion=fusion, bound=40)
    assert [each.point_id for each in turned] == [each.point_id for each in ranked]


@given(dense=COSINES, sparse=BM25, bound=st.floats(0, 60), weight=st.floats(0, 1))
def test_the_bounded_sum_lies_between_zero_and_one(
    dense: dict[str, float], sparse: dict[str, float], bound: float, weight: float
) -> None:
    for each in fuse(dense, sparse, bound=bound, dense_weight=weight):
        assert 0 <= each.score <= 1 + 1e-12


@given(dense=COSINES, sparse=BM25, point=NAMES, gain=st.floats(0, 1), fusion=st.sampled_from([Fusion.BOUNDED_SUM]))
def test_a_better_leg_never_lowers_the_bounded_sum(
    dense: dict[str, float], sparse: dict[str, float], point: str, gain: float, fusion: Fusion
) -> None:
    before = {each.point_id: each.score for each in fuse(dense, sparse, fusion=fusion, bound=40)}
    better = {**dense, point: min(1.0, dense.get(point, -1.0) + gain)}
    after = {each.point_id: each.score for each in fuse(better, sparse, fusion=fusion, bound=40)}
    assert after[point] >= before.get(point, 0.0)
    assert all(after[other] == score for other, score in before.items() if other != point)


def test_the_bounded_sum_is_the_formula() -> None:
    ranked = fuse({"a": 0.6, "b": -0.2}, {"a": 5.0, "c": 10.0}, bound=20)
    assert [(each.point_id, each.score) for each in ranked] == [
        ("a", pytest.approx(0.5 * 0.6 + 0.5 * 0.25)),
        ("c", pytest.approx(0.25)),
        ("b", 0.0),
    ]
    assert (ranked[0].dense, ranked[0].sparse) == (0.6, 5.0)
    assert ranked[1].dense is None


def test_single_modes_score_their_own_half_alone() -> None:
    assert fuse({"a": 0.6}, {"b": 10.0}, mode=Mode.DENSE, bound=20)[0].score == pytest.approx(0.6)
    only = fuse({"a": 0.6}, {"b": 10.0}, mode=Mode.SPARSE, bound=20)
    assert [(each.point_id, each.score) for each in only] == [("b", pytest.approx(0.5))]


def test_reciprocal_ranks_add_up() -> None:
    ranked = fuse({"a": 0.9, "b": 0.8}, {"b": 3.0}, fusion=Fusion.RRF, bound=1)
    assert [each.point_id for each in ranked] == ["b", "a"]
    assert ranked[0].score == pytest.approx(1 / (RRF_K + 2) + 1 / (RRF_K + 1))


def test_dbsf_is_the_place_between_three_standard_deviations() -> None:
    scores = {"a": 1.0, "b": 2.0, "c": 3.0}
    ranked = {each.point_id: each.score for each in fuse(scores, {}, fusion=Fusion.DBSF, bound=1)}
    assert ranked == {"a": pytest.approx(1 / 3), "b": pytest.approx(0.5), "c": pytest.approx(2 / 3)}
    assert fuse({"a": 1.0}, {}, fusion=Fusion.DBSF, bound=1)[0].score == 0.5


def test_a_word_that_no_point_holds_counts_with_the_most_it_could_weigh() -> None:
    bounds = term_bounds([4.0, 0.0], [1.0, 2.0], points=100, k1=1.2)
    assert bounds == (4.0, pytest.approx(2 * 2.2 * math.log(1 + 100.5 / 0.5)))


@given(
    dense=st.dictionaries(NAMES, st.floats(-1, 1), min_size=12),
    sparse=BM25,
    depth=st.integers(1, 12),
    limit=st.integers(1, 6),
)
def test_the_best_of_all_points_are_among_the_contenders_of_the_cut_lists(
    dense: dict[str, float], sparse: dict[str, float], depth: int, limit: int
) -> None:
    def cut(scores: dict[str, float]) -> dict[str, float]:
        return dict(sorted(scores.items(), key=lambda each: -each[1])[:depth])

    near, worded = cut(dense), cut(sparse)
    among = set(contenders(near, worded, bound=40, limit=limit, depth=depth))
    assert among <= near.keys() | worded.keys()
    everyone = fuse(dense, sparse, bound=40)
    best = [each for each in everyone if each.point_id in near.keys() | worded.keys()][:limit]
    assert {each.point_id for each in best if each.score > best[-1].score + 1e-9} <= among


def test_a_point_that_cannot_reach_the_best_is_no_contender() -> None:
    dense = {"both": 0.9, "near": 0.5, "far": 0.1}
    assert contenders(dense, {"both": 10.0, "worded": 9.0, "hardly": 1.0}, bound=20, limit=1, depth=3) == ["both"]
    assert contenders(dense, {"both": 10.0}, bound=20, limit=3, depth=3) == ["both", "far", "near"]
