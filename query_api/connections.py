"""The clients of one application, each opened at its first use and closed with it."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from query_api.answering.answerer import Answerer
from query_api.declared_sources import declares
from query_api.encoding import Encoders
from query_api.job_events import JobWatch
from query_api.links import Links
from query_api.observing.catalog_figures import CatalogFigures, Looked
from query_api.observing.index_figures import IndexFigures, points_held
from query_api.observing.telemetry import Telemetry
from query_api.queued.accepting import QuestionDesk
from query_api.retrieving import Retriever
from query_api.sessions.conversation import Conversations
from query_api.sessions.rewriting import Rewriter
from query_api.shapes.jobs import JobShape, job_shape
from query_api.uploading.bounds import UploadBounds
from query_api.uploading.declared import Targets
from query_api.uploading.intake import UploadDesk
from rag_core.embedding import Embedder
from rag_core.errors import RagError
from rag_core.webhooks import parse_webhook_hosts
from resources.clients.settings import Settings
from resources.clients.tracing import open_traces

if TYPE_CHECKING:
    from rag_core.vector_index import IndexSearcher
    from resources.clients.catalog import Catalog

INDEX_TIMEOUT_S = 10
SERVICE = "rag-query-api"
"""Under which name its spans are found."""

_log = logging.getLogger("query_api")


class Connections:
    """Catalog, searcher and encoders; ``open_model`` is how a model of that name is opened."""

    def __init__(
        self,
        settings: Settings,
        *,
        open_model: Callable[[str], Embedder] | None = None,
        bounds: UploadBounds | None = None,
    ) -> None:
        self.settings = settings
        self.encoders = Encoders(open_model or self._open_model)
        self.telemetry = Telemetry(open_traces(settings, service=SERVICE))
        self.telemetry.metrics.answer_places.set(settings.answers_queue)
        self.telemetry.metrics.watch_home(settings.home)
        self.catalog_figures = CatalogFigures(self._figures)
        self.index_figures = IndexFigures(lambda: points_held(self.searcher()))
        self._lock = threading.Lock()
        self._models_tried = threading.Event()
        self._warmed_at_s = float("-inf")
        self._catalog: Catalog | None = None
        self._searcher: IndexSearcher | None = None
        self._bounds = bounds or UploadBounds()
        self._uploads: UploadDesk | None = None
        self._questions: QuestionDesk | None = None
        self._job_watch: JobWatch | None = None
        self._answerer: Answerer | None = None
        self._conversations: Conversations | None = None
        self._closing: list[Callable[[], None]] = []

    def catalog(self) -> "Catalog":
        """Return the catalog, its tables brought to this version; raises ``DependencyUnavailable`` while it is away."""
        if self._catalog is None:
            from resources.clients.catalog import open_catalog

            opened = open_catalog(self.settings.require("database_url"))
            with self._lock:
                if self._catalog is None:
                    self._catalog = opened
                    self._closing.append(opened.close)
                else:
                    opened.close()
        return self._catalog

    def searcher(self) -> "IndexSearcher":
        """Return the searcher; nothing is sent yet."""
        with self._lock:
            if self._searcher is None:
                from resources.clients.vector_stores import open_vector_store

                store = open_vector_store(self.settings, timeout_s=INDEX_TIMEOUT_S)
                self._searcher = store.searcher()
                self._closing.append(store.close)
        return self._searcher

    def retriever(self) -> Retriever:
        """Return what finds passages."""
        return Retriever(
            searcher=self.searcher(),
            encoders=self.encoders,
            answer_threshold=self.settings.answer_threshold,
            stage=self.telemetry.stage,
            pending=self._pending,
        )

    def answerer(self) -> Answerer:
        """Return what answers questions; the chat model is asked at the first one that needs it."""
        with self._lock:
            if self._answerer is None:
                from resources.clients.chat import open_chat

                self._answerer = Answerer(self.retriever, open_chat(self.settings), telemetry=self.telemetry)
        return self._answerer

    def conversations(self) -> Conversations:
        """Return what opens sessions for questions."""
        answerer = self.answerer()
        with self._lock:
            if self._conversations is None:
                self._conversations = Conversations(self.catalog, Rewriter(answerer.chat, answerer.lane))
        return self._conversations

    async def close_answerer(self) -> None:
        """Store what is still to be stored of sessions, and close the connections to the chat model."""
        if self._conversations is not None:
            await self._conversations.close()
        if self._answerer is not None:
            await self._answerer.close()

    def uploads(self) -> UploadDesk:
        """Return the desk that takes upload requests."""
        with self._lock:
            if self._uploads is None:
                self._uploads = UploadDesk(Targets(self.settings.collections), self.catalog, self._bounds)
        return self._uploads

    def question_desk(self) -> QuestionDesk:
        """Return the desk that takes asynchronous questions."""
        with self._lock:
            if self._questions is None:
                self._questions = QuestionDesk(
                    catalog=self.catalog,
                    searcher=self.searcher,
                    hosts=parse_webhook_hosts(self.settings.webhook_hosts),
                    max_waiting=self.settings.answers_queue,
                )
        return self._questions

    def job_watch(self) -> JobWatch:
        """Return what keeps the event streams of jobs."""
        with self._lock:
            if self._job_watch is None:
                self._job_watch = JobWatch(self._look_up, self._bounds)
        return self._job_watch

    def end_streams(self) -> None:
        """End the event streams, so that a server that stops need not wait for them."""
        if self._job_watch is not None:
            self._job_watch.end()

    def warm_up(self, *, again_after_s: float = 0) -> None:
        """Begin to load the models of the indexes that are there, in the background; errors show in ``/readyz``.

        Nothing is begun within ``again_after_s`` of the last time.
        """
        now_s = time.monotonic()
        if now_s - self._warmed_at_s >= again_after_s:
            self._warmed_at_s = now_s
            self.encoders.in_background(self._load_models)

    @property
    def has_tried_models(self) -> bool:
        """Whether each served index's model was loaded or failed once, or no index could be asked for."""
        return self._models_tried.is_set()

    def close(self) -> None:
        """Close what was opened."""
        self.encoders.close()
        for close in reversed(self._closing):
            close()
        self.telemetry.traces.close()

    def _pending(self, collection: str) -> int:
        try:
            return self.catalog().overview.freshness(collection).waiting
        except RagError:  # no answer either way: the index says what is wrong
            return 0

    def _figures(self) -> Looked:
        catalog = self.catalog()
        backup = catalog.backups.last()
        return Looked(
            collections=catalog.figures.read(sweeps_of=declares(self.settings.collections)),
            queue=catalog.answers.figures(),
            backup_age_s=None if backup is None else backup.age_s,
        )

    def _look_up(self, job_ids: Sequence[UUID]) -> Mapping[UUID, JobShape]:
        links = Links(self.settings.dagster_url)
        return {job_id: job_shape(job, links) for job_id, job in self.catalog().uploads.jobs(job_ids).items()}

    def _load_models(self) -> None:
        """Load every model that can be loaded; the first trouble is raised when all were tried."""
        troubles: list[RagError] = []
        try:
            searcher = self.searcher()
            for collection in searcher.collections():
                try:
                    self.encoders.load(searcher.served(collection).spec)
                except RagError as error:  # the others answer without it
                    _log.warning("%s: %s", collection, error)
                    troubles.append(error)
        finally:
            self._models_tried.set()
        if troubles:
            raise troubles[0]

    def _open_model(self, model: str) -> Embedder:
        from resources.clients.embedders import open_embedder

        return open_embedder(model, runtime="auto", threads=self.settings.threads, cache_dir=self.settings.model_cache)
