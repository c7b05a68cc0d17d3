from hypothesis import given, settings
from hypothesis import strategies as st

from rag_core.text_cleaning import (
    clean_characters,
    clean_printed_line,
    clean_prose,
    hyphen_joiner,
    mark_line_end_hyphens,
    words_of,
)


def test_ligatures_and_presentation_forms_become_letters() -> None:
    assert clean_printed_line("e\ufb03cient \ufb01les \uf0b7 \ue123x") == "efficient files • x"


def test_windows_punctuation_read_as_latin1_is_repaired() -> None:
    assert clean_prose("Here\x92s \x93one\x94") == "Here’s “one”"


def test_divided_words_are_joined_as_the_document_itself_spells_them() -> None:
    join = hyphen_joiner(words_of("A well-known exam was examined. Cooperation helps."))
    assert join("well\ufffeknown") == "well-known"
    assert join("ex\ufffeam") == "exam"
    assert join("unex\ufffepected") == "unexpected"
    assert join("COVID\ufffe19") == "COVID-19"
    assert join("2019\ufffe 20") == "2019 20".replace(" ", "")
    assert join(mark_line_end_hyphens("coop-\n  eration")) == "cooperation"


@settings(deadline=None, max_examples=60)
@given(st.text())
def test_cleaning_twice_changes_nothing_and_always_encodes(text: str) -> None:
    for clean in (clean_characters, clean_prose, clean_printed_line):
        once = clean(text)
        assert clean(once) == once
        assert "\x00" not in once
        once.encode()
