import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.abstaining import Outcome, abstentions, at_thresholds, auc, best
from evaluation.answering import ask_all
from evaluation.api import Api
from evaluation.choosing import Criterion, chosen_in
from evaluation.datasets import AnsweredQuestion
from rag_core.errors import InvalidRequest


def outcomes(known: list[float], unknown: list[float], *, threshold: float = 0.4) -> list[Outcome]:
    return [
        Outcome(is_answerable=is_answerable, answered=value >= threshold, confidence=value)
        for is_answerable, values in ((True, known), (False, unknown))
        for value in values
    ]


def test_precision_is_of_the_answers_withheld_and_f1_joins_it_with_recall() -> None:
    # withheld: 1 of 4 answerable, 2 of 3 unanswerable
    found = abstentions(outcomes([0.3, 0.5, 0.6, 0.7], [0.1, 0.2, 0.8]))
    assert found["abstention_precision"].mean == pytest.approx(2 / 3)
    assert found["abstention_f1"].mean == pytest.approx(2 / 3)
    assert found["abstention_f1"].low < 2 / 3 < found["abstention_f1"].high
    assert abstentions(outcomes([0.3, 0.5] * 40, [0.1, 0.9] * 40)) == abstentions(
        outcomes([0.3, 0.5] * 40, [0.1, 0.9] * 40)
    )


def test_precision_is_left_out_where_every_question_was_answered() -> None:
    assert list(abstentions(outcomes([0.5], [0.6]))) == ["abstention_f1"]


def test_auc_counts_pairs_and_ties_half() -> None:
    assert auc([0.9, 0.5], [0.5, 0.1]).mean == pytest.approx(3.5 / 4)
    assert auc([0.9], [0.1]).mean == 1.0


def test_the_best_threshold_tells_the_kinds_apart_or_keeps_what_can_be_answered() -> None:
    asked = outcomes([0.35] + [0.6] * 19, [0.1, 0.2, 0.5, 0.55, 0.9])
    youden, kept = best(asked, Criterion.YOUDEN), best(asked, Criterion.KEEP_95)
    assert (youden.threshold, youden.answered, youden.abstained) == (0.56, 0.95, 0.8)
    assert (kept.threshold, kept.answered, kept.precision) == (0.6, 0.95, pytest.approx(4 / 5))
    assert [each.abstained for each in at_thresholds(asked, [0.0, 0.5, 1.0])] == [0.0, 0.4, 1.0]


def test_a_threshold_is_read_from_another_evaluations_report(tmp_path: Path) -> None:
    report = tmp_path / "other.json"
    report.write_text(json.dumps({"collection": "other", "answers": {"best": {"youden": {"threshold": 0.42}}}}))
    assert chosen_in(report, Criterion.YOUDEN) == (0.42, "other by youden")


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"answers": {"best": {"youden": {"threshold": true}}}}', "7"])
def test_what_names_no_threshold_is_refused(tmp_path: Path, content: str) -> None:
    report = tmp_path / "other.json"
    report.write_text(content)
    with pytest.raises(InvalidRequest, match=r"other\.json"):
        chosen_in(report, Criterion.YOUDEN)


class Answers(Api):
    """An API that answers by rote."""

    def __init__(self, given: dict[str, dict[str, Any]]) -> None:
        super().__init__("http://127.0.0.1:9")
        self.given = given

    def ask(self, collection: str, question: str) -> dict[str, Any]:
        del collection
        return {"threshold": 0.4, "quotes": [], "citations": []} | self.given[question]


def test_a_report_says_of_how_many_answers_the_quotes_hold_the_expected_one() -> None:
    quote = {"quotes": [{"text": "Yeast eats sugar, and makes gas."}], "answered": True}
    given = {
        "right": quote | {"confidence": 0.9},
        "wrong": quote | {"confidence": 0.8},
        "withheld": {"answered": False, "confidence": 0.3},
        "none": {"answered": False, "confidence": 0.2},
    }
    questions = [
        AnsweredQuestion(id=text, text=text, answers=answers, is_answerable=text != "none", document=None)
        for text, answers in {"right": ("yeast",), "wrong": ("moon",), "withheld": ("x",), "none": ()}.items()
    ]
    with Answers(given) as api:
        report = ask_all(api, "any", questions, id_of=lambda _: None, threshold_from="other by youden").to_json()
    assert (report["holds_answer"], report["holds_when_answered"]) == (pytest.approx(1 / 3, abs=1e-4), 0.5)
    assert (report["answered"], report["abstained"]) == (pytest.approx(2 / 3, abs=1e-4), 1.0)
    assert (report["abstention_precision"], report["abstention_f1"], report["auc"]) == (0.5, 0.6667, 1.0)
    assert (report["threshold"], report["threshold_from"]) == (0.4, "other by youden")
    assert report["intervals"].keys() == {name for name in report if name in report["intervals"]}
    assert report["best"]["youden"] == {"threshold": 0.21, "answered": 1.0, "abstained": 1.0, "precision": 1.0}

    with Answers(given) as api:
        only = ask_all(api, "any", questions[:3], id_of=lambda _: None).to_json()
    assert (only["best"], only["at_thresholds"], "auc" in only, "abstained" in only) == ({}, [], False, False)
