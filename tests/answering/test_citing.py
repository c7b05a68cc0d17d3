import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_core.answering.citing import CitationCheck, Unsupported, Why, checked_citations

PASSAGES = ["Backups are kept for thirty days.", "Restores are tested every month.", "Dogs are welcome on Fridays."]
QUESTION = "How long are backups kept?"
MARKED = st.lists(
    st.sampled_from(
        ["[", "]", "【", "】", "[1]", "[2]", "[9]", "[1, 7]", "[no answer]", "1", "12", "-", ",", " ", "\n", ". "]
    )
    | st.sampled_from(["Backups are kept", "[see 4]", "passage ", "^", "٣"])
    | st.text(max_size=5),
    max_size=25,
).map("".join)
ANY_CITATION = re.compile(r"[\[【][\s#^]*(\d+)(?:\s*[,;&+–-]\s*#?\d+)*\s*[\]】]")


@settings(max_examples=150, deadline=None)
@given(text=MARKED, cuts=st.lists(st.integers(0, 120), max_size=6))
def test_no_citation_leaves_that_names_no_given_passage_however_the_text_is_cut(text: str, cuts: list[int]) -> None:
    checking = CitationCheck(PASSAGES, question=QUESTION)
    places = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    left = "".join(checking.feed(text[a:b]) for a, b in itertools.pairwise(places)) + checking.finish()
    assert checking.checked() == checked_citations(text, PASSAGES, question=QUESTION)
    assert left == checking.checked().text
    for found in ANY_CITATION.finditer(left):
        assert re.fullmatch(r"\[[1-3]\]", found[0]), (text, left)
        assert int(found[1]) in checking.checked().citations


@settings(max_examples=100, deadline=None)
@given(text=st.text(alphabet=st.characters(exclude_characters="[]【】"), max_size=80))
def test_text_without_brackets_leaves_as_it_is(text: str) -> None:
    assert checked_citations(text, PASSAGES).text == text.strip()


@pytest.mark.parametrize(
    ("written", "left", "cited"),
    [
        ("Backups are kept for thirty days [1].", "Backups are kept for thirty days [1].", (1,)),
        ("Backups are kept for thirty days. [1]", "Backups are kept for thirty days. [1]", (1,)),
        ("Backups are kept [7] for thirty days [9].", "Backups are kept for thirty days.", ()),
        ("Backups and restores [1, 2].", "Backups and restores [1][2].", (1, 2)),
        ("Backups and restores [2][1].", "Backups and restores [2][1].", (2, 1)),
        ("Backups, restores, dogs [1-3].", "Backups, restores, dogs [1][2][3].", (1, 2, 3)),
        ("Backups 【1】.", "Backups [1].", (1,)),
        ("Backups [Passage 1].", "Backups [1].", (1,)),
        ("Backups [^1].", "Backups [1].", (1,)),
        ("Backups [sic] are kept [1].", "Backups [sic] are kept [1].", (1,)),
        ("Backups [the text](http://x) [1]", "Backups [the text](http://x) [1]", (1,)),
        ("Backups [[9]2]", "Backups [2", ()),
        ("Backups [1", "Backups [1", ()),
        ("Yes. [1]", "Yes. [1]", (1,)),
        ("- Backups [1]\n- Restores [2]\n", "- Backups [1]\n- Restores [2]", (1, 2)),
    ],
)
def test_marks_are_read_as_models_write_them(written: str, left: str, cited: tuple[int, ...]) -> None:
    answer = checked_citations(written, PASSAGES, question=QUESTION)
    assert (answer.text, answer.citations) == (left, cited)


def test_a_passage_without_a_word_of_the_sentence_is_not_its_source() -> None:
    answer = checked_citations("Backups are kept [3]. Dogs come on Fridays [3].", PASSAGES, question=QUESTION)
    assert answer.text == "Backups are kept. Dogs come on Fridays [3]."
    assert answer.citations == (3,)
    assert answer.unsupported == (Unsupported(number=3, why=Why.NO_SHARED_WORD),)


def test_words_are_not_compared_where_the_question_shares_none() -> None:
    german = "Sicherungen bleiben dreißig Tage [1]."
    assert checked_citations(german, PASSAGES, question="Wie lange bleiben Sicherungen?").citations == (1,)
    assert checked_citations(german, PASSAGES, question=QUESTION).citations == ()


def test_what_was_taken_out_is_counted() -> None:
    answer = checked_citations("Backups [4][5] are kept [1].", PASSAGES, question=QUESTION)
    assert [each.number for each in answer.unsupported] == [4, 5]
    assert {each.why for each in answer.unsupported} == {Why.NO_SUCH_PASSAGE}


def test_the_model_may_say_that_the_passages_do_not_answer() -> None:
    answer = checked_citations("[no answer]", PASSAGES)
    assert (answer.text, answer.citations, answer.declined) == ("", (), True)


def test_words_leave_at_once_and_only_a_bracket_waits() -> None:
    checking = CitationCheck(PASSAGES, question=QUESTION)
    assert checking.feed("Backups are kept") == "Backups are kept"
    assert checking.feed(" for") == " for"
    assert checking.feed(" [") == ""
    assert checking.feed("1") == ""
    assert checking.feed("] and") == " [1] and"
    assert checking.is_cited


def test_a_mark_alone_is_not_an_answer() -> None:
    checking = CitationCheck(PASSAGES, question=QUESTION)
    checking.feed("[1]")
    checking.finish()
    assert not checking.is_cited
