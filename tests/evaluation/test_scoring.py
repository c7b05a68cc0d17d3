import math
from pathlib import Path

import pytest

from evaluation import history
from evaluation.answering import spread, words_of
from evaluation.datasets import AnsweredQuestion
from evaluation.retrieving import best_by_document
from evaluation.scoring import difference, estimate, measure


def test_measures_are_trec_evals_and_a_query_without_results_counts_as_nothing() -> None:
    grades = {"a": {"x": 1}, "b": {"x": 1, "y": 1}, "c": {"x": 1}}
    run = {"a": {"y": 2.0, "x": 1.0}, "b": {"x": 2.0, "z": 1.5, "y": 1.0}}
    values = measure(run, grades)
    assert values["ndcg@10"]["a"] == pytest.approx(1 / math.log2(3))
    assert values["ndcg@10"]["b"] == pytest.approx((1 + 1 / math.log2(4)) / (1 + 1 / math.log2(3)))
    assert values["mrr@10"] == {"a": 0.5, "b": 1.0, "c": 0.0}
    assert values["recall@1"] == {"a": 0.0, "b": 0.5, "c": 0.0}
    assert values["recall@5"] == values["recall@10"] == values["recall@100"] == {"a": 1.0, "b": 1.0, "c": 0.0}


def test_a_documents_score_is_its_best_chunks_and_an_equal_text_counts_for_each_place() -> None:
    passages = [
        {"uri": "1", "score": 0.9, "also_at": [{"uri": "2"}]},
        {"uri": "3", "score": 0.8, "also_at": []},
        {"uri": "1", "score": 0.7, "also_at": []},
    ]
    assert best_by_document(passages, lambda uri: None if uri == "3" else f"d{uri}") == {"d1": 0.9, "d2": 0.9}


def test_an_interval_holds_the_mean_and_is_the_same_each_time() -> None:
    values = [0.0, 0.2, 0.9, 1.0, 0.4, 0.6] * 20
    first = estimate(values)
    assert first == estimate(values)
    assert first.low < first.mean < first.high
    assert first.high - first.low < estimate(values[:6]).high - estimate(values[:6]).low


def test_runs_are_compared_query_by_query_and_only_over_the_same_queries() -> None:
    change = difference({"a": 0.5, "b": 0.25}, {"a": 0.25, "b": 0.0})
    assert change is not None
    assert (change.mean, change.low, change.high) == (0.25, 0.25, 0.25)
    assert difference({"a": 0.5}, {"b": 0.5}) is None


def test_the_history_finds_the_last_run_over_the_same_judgements(tmp_path: Path) -> None:
    path = tmp_path / "new" / "history.jsonl"
    assert history.latest(path, judgements="x") is None
    for number, judgements in enumerate("xyx"):
        history.append(path, {"judgements": judgements, "number": number})
    with path.open("a") as broken:
        broken.write("{half a li")
    assert history.latest(path, judgements="x") == {"judgements": "x", "number": 2}
    assert history.latest(path, judgements="y") == {"judgements": "y", "number": 1}


def test_words_are_compared_without_case_articles_and_punctuation() -> None:
    assert words_of("The 10th, and an  11th century!") == ["10th", "and", "11th", "century"]


def test_questions_are_taken_evenly_from_both_kinds() -> None:
    asked = [
        AnsweredQuestion(id=str(n), text="?", answers=(), is_answerable=n % 4 > 0, document=None) for n in range(40)
    ]
    taken = spread(asked, 5)
    assert [question.is_answerable for question in taken] == [True] * 5 + [False] * 5
    assert len({question.id for question in taken}) == 10
    assert spread(asked, None) == asked
    taken = spread(asked, 20)
    assert [question.id for question in taken[20:]] == [str(number) for number in range(0, 40, 4)]  # there are no more
    assert taken[19].id == "38"  # to the end: not the first twenty
