from pathlib import Path

import pytest

from evaluation.datasets import read_corpus, read_judgements, read_questions
from rag_core.errors import InvalidRequest
from tests.evaluation.collection import DOCUMENTS, QUERIES, write_collection


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_collection(tmp_path / "small")


def test_a_collection_in_beirs_form_is_read(folder: Path) -> None:
    assert [record.id for record in read_corpus(folder)] == list(DOCUMENTS)
    judged = read_judgements(folder)
    assert judged.queries == {name: QUERIES[name] for name in ("q1", "q2")}  # unjudged ones cannot be measured
    assert judged.grades == {"q1": {"bread": 1}, "q2": {"moon": 1}}
    assert [question.is_answerable for question in read_questions(folder)] == [True, False]


def test_judgements_may_lie_beside_the_corpus_and_splits_are_chosen_by_name(folder: Path) -> None:
    (folder / "qrels" / "dev.tsv").write_text("q3\tmoon\t2\n")
    assert read_judgements(folder).grades.keys() == {"q1", "q2"}
    assert read_judgements(folder, split="dev").grades == {"q3": {"moon": 2}}
    (folder / "qrels" / "test.tsv").replace(folder / "qrels.tsv")
    (folder / "qrels" / "dev.tsv").unlink()
    assert read_judgements(folder).grades.keys() == {"q1", "q2"}
    with pytest.raises(InvalidRequest, match="Which qrels"):
        read_judgements(folder, split="train")


def test_other_judgements_have_another_digest(folder: Path) -> None:
    before = read_judgements(folder).digest
    assert read_judgements(folder).digest == before
    with (folder / "qrels" / "test.tsv").open("a") as qrels:
        qrels.write("q2\tbeach\t1\n")
    assert read_judgements(folder).digest != before


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "corpus.jsonl",
            '{"_id": "a", "text": "x"}\n{"_id": "a", "text": "y"}\n',
            "corpus.jsonl:2: the _id 'a' is used",
        ),
        ("corpus.jsonl", '{"_id": "a"}\n', "corpus.jsonl:1: 'text' is not a text"),
        ("corpus.jsonl", "[]\n", "is not a JSON object"),
        ("corpus.jsonl", '{"_id": ' + "[" * 100_000 + "\n", "is not JSON"),
        ("corpus.jsonl", "", "holds no document"),
        ("qrels/test.tsv", "q1 bread 1\n", "test.tsv:1: a judgement is"),
        ("qrels/test.tsv", "q77\tbread\t1\n", "q77"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\n", "judges no query"),
        ("answers.jsonl", '{"_id": "a", "question": "x", "answers": "y"}\n', "'answers' is not a list"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_line(folder: Path, name: str, content: str, said: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(InvalidRequest, match=said.replace("[", r"\[")):
        _read_all(folder)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"corpus\.jsonl cannot be read"):
        list(read_corpus(tmp_path))


def _read_all(folder: Path) -> None:
    list(read_corpus(folder))
    read_judgements(folder)
    read_questions(folder)
