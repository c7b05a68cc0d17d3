"""Models are ready when the first question comes, and are there until the last one has its vector."""

import threading

import pytest

from query_api.encoding import Encoders
from rag_core.embedding import Vectors
from rag_core.errors import DependencyUnavailable
from tests.pipeline.word_embedder import WordEmbedder
from tests.retrieval.small_index import spec_of


class Watched(WordEmbedder):
    """Says what was asked; a question named "slow" goes on until the model is closed under it, or for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.is_asked = threading.Event()
        self.is_closed = threading.Event()
        self.was_closed_while_asked = False

    def embed_query(self, text: str) -> Vectors:
        self.asked.append(text)
        if text == "slow":
            self.is_asked.set()
            self.was_closed_while_asked = self.is_closed.wait(0.3)
        return super().embed_query(text)

    def close(self) -> None:
        self.is_closed.set()


def test_a_loaded_model_has_been_used_once() -> None:
    model = Watched()
    encoders = Encoders(lambda _: model)
    encoders.load(spec_of(model))
    assert len(model.asked) == 1
    encoders.close()


def test_closing_waits_for_the_questions_in_the_threads_of_those_who_ask() -> None:
    model = Watched()
    encoders = Encoders(lambda _: model)
    spec = spec_of(model)
    encoders.load(spec)
    asking = threading.Thread(target=encoders.dense, args=(spec, "slow"))
    asking.start()
    assert model.is_asked.wait(10)
    encoders.close()
    asking.join()
    assert model.is_closed.is_set()
    assert not model.was_closed_while_asked


def test_a_question_that_comes_while_the_models_are_closed_is_told_so() -> None:
    model = Watched()
    encoders = Encoders(lambda _: model)
    spec = spec_of(model)
    encoders.load(spec)
    encoders.close()
    with pytest.raises(DependencyUnavailable):
        encoders.dense(spec, "late")
