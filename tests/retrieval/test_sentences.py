from hypothesis import given
from hypothesis import strategies as st

from rag_core.answering.sentences import MAX_CHARACTERS, split_sentences


@given(st.text(alphabet=st.sampled_from("ab D.!?\n#-|1)。 "), max_size=300))
def test_a_sentence_is_always_the_passages_own_characters_in_order(passage: str) -> None:
    end = 0
    for sentence in split_sentences(passage):
        assert sentence.text == passage[sentence.start : sentence.end]
        assert sentence.start >= end
        assert len(sentence.text) <= MAX_CHARACTERS
        end = sentence.end


def split(passage: str) -> list[str]:
    return [sentence.text for sentence in split_sentences(passage)]


def test_line_breaks_end_nothing_and_empty_lines_do() -> None:
    assert split("Backups are kept\nfor thirty days. They are tested.\n\nNo full stop here") == [
        "Backups are kept\nfor thirty days.",
        "They are tested.",
        "No full stop here",
    ]


def test_headings_and_scraps_are_no_sentences_and_list_marks_are_not_quoted() -> None:
    text = "## Backups and restore\nThey run at night.\n\n- daily for thirty days\n- weekly for a year\n\nOK."
    assert split(text) == ["They run at night.", "daily for thirty days", "weekly for a year"]


def test_abbreviations_and_numbers_do_not_end_a_sentence() -> None:
    assert split("Dr. Smith paid 3.50 euros, i.e. little. He left.\n") == [
        "Dr. Smith paid 3.50 euros, i.e. little.",
    ]


def test_what_ends_like_a_sentence_is_whole() -> None:
    first, second = split_sentences('He said "stop it now." And then one more')
    assert (first.is_whole, second.is_whole) == (True, False)
