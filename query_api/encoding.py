"""Questions as vectors: models loaded once, off the event loop, and the vectors of the last questions kept."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TypeVar

from rag_core.analyzer import ANALYZER_VERSION
from rag_core.embedding import Embedder, Vectors
from rag_core.errors import ConfigurationError, DependencyUnavailable, RagError
from rag_core.index_spec import IndexSpec
from rag_core.sparse import Bm25

THREADS = 2
REMEMBERED = 2048
TIMEOUT_S = 30.0
_FIRST = "Is the model ready?"

_log = logging.getLogger("query_api")
_Result = TypeVar("_Result")


class Encoders:
    """The encoders of every index spec asked for; ``open_model`` opens a model by the name in the spec."""

    def __init__(self, open_model: Callable[[str], Embedder]) -> None:
        self._open_model = open_model
        self._models: dict[str, Embedder] = {}
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        self._questions = ThreadPoolExecutor(THREADS, thread_name_prefix="embedding")
        self._turns = threading.Semaphore(THREADS)
        # Apart, so that no question waits behind the batches of sentences that answers are made of.
        self._sentences = ThreadPoolExecutor(THREADS, thread_name_prefix="sentences")
        self._background: Future[None] | None = None
        self._trouble = ""
        self._vectors: OrderedDict[tuple[str, str], Vectors] = OrderedDict()

    def dense(self, spec: IndexSpec, question: str) -> list[float]:
        """Return a question's unit vector; an equal question is answered from memory."""
        key = (spec.model_identity, question)
        with self._lock:
            known = self._vectors.get(key)
            if known is not None:
                self._vectors.move_to_end(key)
        if known is not None:
            return known.tolist()
        # Kept as an array, an eighth of a list's memory; as one of its own, not as a view into the model's.
        vector = self._encoded(spec, question).copy()
        with self._lock:
            self._vectors[key] = vector
            while len(self._vectors) > REMEMBERED:
                self._vectors.popitem(last=False)
        return vector.tolist()

    def sentences(self, spec: IndexSpec, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors of some sentences, in one batch."""
        return _within(self._sentences, lambda: self.load(spec).embed_documents(texts))

    def bm25(self, spec: IndexSpec) -> Bm25:
        """Return the sparse encoder; raises ``ConfigurationError`` when the index has another analyzer's terms."""
        if spec.analyzer != ANALYZER_VERSION:
            raise ConfigurationError(
                f"The index was made with analyzer {spec.analyzer}, this is {ANALYZER_VERSION}.",
                remedy="Run the version of the query API that made the index.",
            )
        return Bm25(k1=spec.bm25_k1, b=spec.bm25_b, average_length=spec.bm25_average_length)

    def load(self, spec: IndexSpec) -> Embedder:
        """Return the spec's model, loaded once; raises ``ConfigurationError`` when its weights are not the index's."""
        known = self._models.get(spec.model_identity)
        if known is not None:
            return known
        with self._loading:
            known = self._models.get(spec.model_identity)
            return known or self._opened(spec)

    def is_loaded(self, spec: IndexSpec) -> bool:
        """Say whether questions to this index need not wait for a model."""
        return spec.model_identity in self._models

    def in_background(self, work: Callable[[], None]) -> None:
        """Run something in the pool unless it runs already; ``trouble`` says afterwards what stopped it."""
        with self._lock:
            if self._background is not None and not self._background.done():
                return
            self._background = self._questions.submit(self._guarded, work)

    def wait(self) -> None:
        """Return when nothing runs in the background any more."""
        with self._lock:
            running = self._background
        if running is not None:
            running.result(timeout=TIMEOUT_S)

    @property
    def trouble(self) -> str:
        """What stopped the last work in the background; empty while it runs or if nothing did."""
        return self._trouble

    def close(self) -> None:
        """Wait for what runs, in the pools and in the threads of those who ask, and give the models' memory back."""
        for pool in (self._questions, self._sentences):
            pool.shutdown(wait=True, cancel_futures=True)
        taken = [self._turns.acquire(timeout=TIMEOUT_S) for _ in range(THREADS)]
        try:
            for model in self._models.values():
                model.close()
            self._models.clear()
        finally:
            for is_ours in taken:
                if is_ours:
                    self._turns.release()

    def _opened(self, spec: IndexSpec) -> Embedder:
        model = self._open_model(spec.model)
        if model.identity != spec.model_identity or model.dimension != spec.dimension:
            model.close()
            raise ConfigurationError(
                f"The index was made with {spec.model_identity}, here {spec.model} is {model.identity}.",
                remedy="Install the weights that the index was made with.",
            )
        try:
            model.embed_query(_FIRST)  # a model is made ready for its processor at its first use; nobody waits for that
        except BaseException:
            model.close()
            raise
        self._models[spec.model_identity] = model
        return model

    def _encoded(self, spec: IndexSpec, question: str) -> Vectors:
        """Encode in the thread that asks, a few at once: another thread's turn costs a tenth of what encoding does."""
        if spec.model_identity not in self._models:  # loading it may take longer than anybody waits
            return _within(self._questions, lambda: self.load(spec).embed_query(question))
        if not self._turns.acquire(timeout=TIMEOUT_S):
            raise _no_vector()
        try:
            model = self._models.get(spec.model_identity)
            if model is None:
                raise _ending()
            return model.embed_query(question)
        finally:
            self._turns.release()

    def _guarded(self, work: Callable[[], None]) -> None:
        self._trouble = ""
        try:
            work()
        except RagError as error:
            _log.warning("Not ready yet: %s", error)
            self._trouble = error.message


def _within(pool: ThreadPoolExecutor, work: Callable[[], _Result]) -> _Result:
    try:
        future: Future[_Result] = pool.submit(work)
    except RuntimeError as error:  # it takes no more work
        raise _ending() from error
    try:
        return future.result(timeout=TIMEOUT_S)
    except FutureTimeout as error:
        future.cancel()
        raise _no_vector() from error


def _no_vector() -> DependencyUnavailable:
    return DependencyUnavailable(f"The model gave no vector within {TIMEOUT_S:.0f} s.", dependency="model")


def _ending() -> DependencyUnavailable:
    return DependencyUnavailable("The models of this process are closed: it ends.", dependency="model")
