"""Terms and their weights are the same for writer and reader, and score as BM25 does."""

import math
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_core import analyzer
from rag_core.analyzer import analyze
from rag_core.sparse import Bm25, term_index

BM25 = Bm25(k1=1.2, b=0.75, average_length=100)


def test_words_are_lowered_stemmed_and_stop_words_left_out() -> None:
    assert analyze("The Backups are KEPT, running for days") == ["backup", "kept", "run", "day"]


def test_identifiers_give_their_parts_and_the_whole() -> None:
    assert analyze("isValidDate") == ["isvalidd", "valid", "date"]
    assert analyze("is_valid_date HTTPServer2") == ["is_valid_d", "valid", "date", "httpserver2", "http", "server", "2"]


def test_compatibility_forms_are_one_term() -> None:
    assert analyze("ﬁle") == analyze("file")
    assert analyze("user's users’") == analyze("user users")


def test_document_weights_are_bm25s_term_frequency_part() -> None:
    vector = BM25.document("backup backup window")
    norm = 1.2 * (1 - 0.75 + 0.75 * 3 / 100)
    weights = dict(zip(vector.indices, vector.values, strict=True))
    assert math.isclose(weights[term_index("backup")], 2 * 2.2 / (2 + norm))
    assert math.isclose(weights[term_index("window")], 2.2 / (1 + norm))


def test_each_query_term_stands_alone_for_the_bound() -> None:
    whole = BM25.query("backup backup window")
    terms = BM25.query_terms("backup backup window")
    assert [(t.indices[0], t.values[0]) for t in terms] == list(zip(whole.indices, whole.values, strict=True))


@given(st.text(max_size=300))
def test_any_text_gives_ascending_indices_and_positive_weights(text: str) -> None:
    vector = BM25.document(text)
    assert list(vector.indices) == sorted(set(vector.indices))
    assert all(0 <= index < 2**32 for index in vector.indices)
    assert all(0 < value <= 2.2 for value in vector.values)


@pytest.fixture
def threads_that_change_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("threads_that_change_often")
def test_threads_may_analyze_at_once() -> None:
    words = [f"{'gnr'[n % 3]}{n}eral" + ("izations", "fulness", "ingly")[n % 3] for n in range(1500)]
    expected = [analyze(word) for word in words]
    analyzer._terms_of.cache_clear()
    analyzer._stem.cache_clear()
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: [analyze(word) for word in words], range(6)))
    assert all(one == expected for one in found)
