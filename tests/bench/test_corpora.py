from pathlib import Path

from bench.corpora import made, many, queries, records
from tests.evaluation.collection import DOCUMENTS, QUERIES, write_collection


def test_made_documents_are_always_the_same_and_all_different() -> None:
    assert list(made(20, words=60, seed=1)) == list(made(20, words=60, seed=1))
    assert len({record.text for record in made(20, words=60, seed=1)}) == 20
    assert len({record.text for record in many(50)}) == 50


def test_a_collection_is_taken_evenly_and_never_to_nothing(tmp_path: Path) -> None:
    folder = write_collection(tmp_path / "small")
    assert [record.id for record in records(folder, 1)] == list(DOCUMENTS)
    assert [record.id for record in records(folder, 2)] == list(DOCUMENTS)[::2][:2]
    assert [record.id for record in records(folder, 100)] == list(DOCUMENTS)[:1]
    assert len(records(None, 10)) == 500


def test_own_questions_come_first_and_none_twice(tmp_path: Path) -> None:
    folder = write_collection(tmp_path / "small")
    asked = queries(folder, 5)
    assert asked[:2] == [QUERIES["q1"], QUERIES["q2"]]
    assert len(set(asked)) == 5
