"""Keys as text: reversible, readable, and always the name of an object below a root."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core.messages.keys import document_key, document_uri, id_text, key_bytes, key_text
from rag_core.messages.message import MessageRejected, RejectKind
from rag_core.objects import is_addressable

awkward = st.text(st.sampled_from("a./%\0\n\x7f\x85é~ 2EF"), max_size=12).map(str.encode)
any_key = st.one_of(st.binary(max_size=60), st.text(max_size=30).map(str.encode), awkward)


@given(any_key)
def test_a_key_can_be_turned_back(key: bytes) -> None:
    assert key_bytes(key_text(key)) == key


@given(any_key.filter(bool))
def test_a_key_names_an_object_below_a_root(key: bytes) -> None:
    text = key_text(key)
    assert is_addressable(document_key("edits", text))
    assert not any(unicodedata.category(character) == "Cc" for character in text)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_an_id_in_a_body_is_written_as_the_same_key(identity: str) -> None:
    assert id_text(identity) == key_text(identity.encode())


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (b"en/Berlin", "en/Berlin"),
        ("#de.wikipedia/Käse (Gericht)".encode(), "#de.wikipedia/Käse (Gericht)"),
        (b".hidden/a..b", ".hidden/a..b"),
        (b"100%", "100%25"),
        (b"a\0b\n", "a%00b%0A"),
        (b"../x/.", "%2E%2E/x/%2E"),
        (b"/a//b/", "%2Fa%2F/b%2F"),
        (b"\xff\xfe", "%FF%FE"),
        (b"\xed\xa0\x80", "%ED%A0%80"),
    ],
)
def test_a_key_stays_readable_where_it_can(key: bytes, text: str) -> None:
    assert key_text(key) == text


def test_half_of_a_surrogate_pair_in_an_id_is_written_as_its_bytes() -> None:
    assert id_text("a\ud800") == "a%ED%A0%80"


def test_a_key_that_is_too_long_is_refused() -> None:
    assert len(document_key("t", "é" * 511)) == 513
    with pytest.raises(MessageRejected) as caught:
        document_key("t", "é" * 512)
    assert caught.value.kind is RejectKind.KEY_TOO_LONG


def test_a_documents_uri_is_percent_encoded() -> None:
    key = document_key("wiki.edits", key_text(b"en/a b%"))
    assert document_uri("main", key) == "kafka://main/wiki.edits/en/a%20b%2525"
