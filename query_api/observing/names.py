"""Every metric that ``/metrics`` exports: its name, kind, labels and meaning. Nothing else in the program names one."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What Prometheus may do with the numbers."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric; a counter's name ends in ``_total``. Labels are bounded: templates, states, declared names."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()

    @property
    def series(self) -> frozenset[str]:
        """Return the names under which expressions find it."""
        if self.kind is Kind.HISTOGRAM:
            return frozenset(f"{self.name}_{part}" for part in ("bucket", "count", "sum"))
        return frozenset({self.name})


def _counter(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(name=name, kind=Kind.COUNTER, meaning=meaning, labels=labels)


def _gauge(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(name=name, kind=Kind.GAUGE, meaning=meaning, labels=labels)


def _histogram(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(name=name, kind=Kind.HISTOGRAM, meaning=meaning, labels=labels)


REQUESTS = _counter(
    "rag_http_requests_total", "Requests that were answered, by route template.", "method", "route", "status"
)
REQUEST_SECONDS = _histogram(
    "rag_http_request_seconds", "Time until the last byte of the answer, streams included.", "method", "route"
)
IN_PROGRESS = _gauge("rag_http_requests_in_progress", "Requests that are being answered now.")
RATE_LIMITED = _counter("rag_rate_limited_total", "Requests refused because their key was above its rate.")
STAGE_SECONDS = _histogram(
    "rag_stage_seconds",
    "Time in one stage of a question: encode, search, read, fuse, quote, queue, first_token, generate.",
    "stage",
)
MODEL_WRITING = _gauge("rag_model_writing", "Answers that the chat model writes now.")
MODEL_WAITING = _gauge("rag_model_waiting", "Questions that wait for the chat model.")
MODEL_PLACES = _gauge("rag_model_places", "How many questions the chat model takes at most, writing and waiting.")
MODEL_REFUSALS = _counter("rag_model_refusals_total", "Questions that found no place on the way to the chat model.")
TOKENS = _counter("rag_tokens_total", "Tokens that the chat model read (prompt) and wrote (completion).", "kind")
ANSWERS = _counter("rag_answers_total", "Questions that were answered or abstained from, by who answered.", "mode")
ABSTENTIONS = _counter("rag_abstentions_total", "Questions without an answer, by reason.", "reason")
FALLBACKS = _counter(
    "rag_fallbacks_total", "Answers by quotation where a model was wanted: outage, uncited, no_room.", "because"
)

ANSWER_PLACES = _gauge(
    "rag_queued_answers_places", "How many asynchronous questions may wait; beyond them they are refused."
)
HOME_FREE = _gauge("rag_home_free_bytes", "Room left in the file system of RAG_HOME.")
HOME_SIZE = _gauge("rag_home_size_bytes", "Size of the file system of RAG_HOME.")

CATALOG_UP = _gauge("rag_catalog_up", "1 where the catalog gave its figures; without it the following are missing.")
CATALOG_AGE = _gauge("rag_catalog_figures_age_seconds", "Age of the catalog's figures: they are kept for some seconds.")
QUEUED_ANSWERS = _gauge("rag_queued_answers", "Asynchronous questions that are not answered: queued, running.", "state")
QUEUED_OLDEST = _gauge("rag_queued_answers_oldest_seconds", "Age of the oldest asynchronous question that waits.")
WEBHOOKS_WAITING = _gauge("rag_webhooks_waiting", "Notifications of answers that are not delivered.")
BACKUP_AGE = _gauge(
    "rag_backup_age_seconds", "Seconds since the moment that the last finished backup is of; missing before the first."
)
DOCUMENTS = _gauge("rag_documents", "Documents by the state of their newest arrival.", "collection", "state")
OLDEST_PENDING = _gauge(
    "rag_oldest_pending_seconds", "Age of the oldest arrival that is not settled; 0 where none is.", "collection"
)
SEARCHABLE_SECONDS = _histogram(
    "rag_arrival_to_searchable_seconds", "From recording a new version to finding it, the first time.", "collection"
)
SETTLED = _counter("rag_arrivals_settled_total", "Outcomes of arrivals that runs wrote down.", "collection", "state")
DEAD_LETTERS = _gauge("rag_dead_letters", "Messages that fit no form and wait for a person.", "collection", "stream")
STREAM_LAG = _gauge(
    "rag_stream_lag_messages", "Offsets left when the topic was recorded last.", "collection", "stream", "topic"
)
QUEUE_WAITING = _gauge(
    "rag_queue_waiting",
    "Messages in a source's queue when that was looked at last; missing where nobody read it for 15 minutes.",
    "collection",
    "source",
)
QUEUE_READ_AGE = _gauge(
    "rag_queue_read_age_seconds",
    "Seconds since a source's queue was read last, or tried for the first time; few while it is read.",
    "collection",
    "source",
)
SWEEP_AGE = _gauge(
    "rag_source_sweep_age_seconds",
    "Seconds since a source's last complete sweep, or since the first was tried where none was complete.",
    "collection",
    "source",
)
SWEEP_OVERDUE = _gauge(
    "rag_source_sweep_overdue_seconds",
    "Seconds since a source should have been swept; 0 while its sweeps are on time, come on, or are stopped.",
    "collection",
    "source",
)
OUTBOX_WAITING = _gauge("rag_outbox_waiting", "Messages that wait to be sent to Kafka.", "collection")
STOPPED_SOURCES = _gauge("rag_sources_stopped", "Sources and streams that stopped and wait for a person.", "collection")
CATALOG_POINTS = _gauge("rag_catalog_points", "Points that the index must hold, by the catalog.", "collection")

INDEX_UP = _gauge("rag_index_up", "1 where the index said what it holds; without it the following is missing.")
INDEX_POINTS = _gauge("rag_index_points", "Points that the index holds.", "collection")

OF_THE_SERVICE = (
    REQUESTS,
    REQUEST_SECONDS,
    IN_PROGRESS,
    RATE_LIMITED,
    STAGE_SECONDS,
    MODEL_WRITING,
    MODEL_WAITING,
    MODEL_PLACES,
    MODEL_REFUSALS,
    TOKENS,
    ANSWERS,
    ABSTENTIONS,
    FALLBACKS,
    ANSWER_PLACES,
    HOME_FREE,
    HOME_SIZE,
)
OF_THE_CATALOG = (
    CATALOG_UP,
    CATALOG_AGE,
    QUEUED_ANSWERS,
    QUEUED_OLDEST,
    WEBHOOKS_WAITING,
    BACKUP_AGE,
    DOCUMENTS,
    OLDEST_PENDING,
    SEARCHABLE_SECONDS,
    SETTLED,
    DEAD_LETTERS,
    STREAM_LAG,
    QUEUE_WAITING,
    QUEUE_READ_AGE,
    SWEEP_AGE,
    SWEEP_OVERDUE,
    OUTBOX_WAITING,
    STOPPED_SOURCES,
    CATALOG_POINTS,
)
OF_THE_INDEX = (INDEX_UP, INDEX_POINTS)
OF_THE_PROCESS = (
    _gauge("process_virtual_memory_bytes", "Virtual memory."),
    _gauge("process_resident_memory_bytes", "Memory."),
    _gauge("process_start_time_seconds", "When the process began, in seconds since 1970."),
    _counter("process_cpu_seconds_total", "CPU time."),
    _gauge("process_open_fds", "Open files and connections."),
    _gauge("process_max_fds", "How many may be open."),
)
"""What prometheus-client says of any process, on Linux."""

EVERY_METRIC = (*OF_THE_SERVICE, *OF_THE_CATALOG, *OF_THE_INDEX, *OF_THE_PROCESS)
