"""What a process opens before it knows its run: the first run in it takes it, every later one opens its own.

A warm run worker calls ``open_ahead`` while it waits; in every other process nothing is kept, and ``BlockWork`` opens
what it needs when it needs it. What cannot be opened now is left to the run, which says what is wrong.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from resources.clients.collection_files import usable_collections
from resources.clients.settings import Settings
from resources.clients.vector_stores import open_vector_store, vector_store_url

if TYPE_CHECKING:
    from collections.abc import Generator, Hashable

    from rag_core.collection import Collection
    from rag_core.traces import Traces
    from rag_core.vector_index import VectorStore
    from resources.clients.catalog import Catalog
    from resources.clients.embedders import Embedder
    from resources.clients.parsing import ParseLimits, ParserSandbox

SERVICE = "rag-ingestion"
"""Under which name the spans of runs are found."""

T = TypeVar("T")
MOST_MODELS = 2
"""Models cost memory for as long as the process waits; the collections' first ones are kept."""

_log = logging.getLogger(__name__)
_kept: dict[tuple["Hashable", ...], Any] = {}


def open_ahead(settings: Settings) -> None:
    """Open what the runs of the settings' collections have in common.

    The parser's process is started first: it must not be forked from one in which OpenVINO runs its threads.
    """
    collections = [loaded.collection for loaded in usable_collections(settings.collections)[0]]
    for limits in {parse_limits(collection) for collection in collections[:1]}:
        _keep(("parser", limits), lambda limits=limits: _started_sandbox(limits))
    url = settings.database_url
    if url is not None:
        _keep(("catalog", url), lambda: _open_catalog(url))
    index_url = vector_store_url(settings)
    if index_url is not None:
        _keep(("index", index_url), lambda: _open_vector_store(settings))
    for name, runtime in list(dict.fromkeys((one.embedding.model, one.embedding.runtime) for one in collections))[
        :MOST_MODELS
    ]:
        _keep(("model", name, runtime), lambda name=name, runtime=runtime: _loaded_model(settings, name, runtime))


def catalog_of(url: str) -> "Catalog":
    """Return the catalog at ``url``, its tables brought to this version; the caller closes it."""
    return _kept.pop(("catalog", url), None) or _open_catalog(url)


def vector_store_of(settings: Settings) -> "VectorStore":
    """Return the store of the vector index; the caller closes it."""
    return _kept.pop(("index", vector_store_url(settings)), None) or _open_vector_store(settings)


def embedder_of(settings: Settings, collection: "Collection", model: str) -> "Embedder":
    """Return the embedder of a model; the caller closes it."""
    kept = _kept.pop(("model", model, collection.embedding.runtime), None)
    return kept or _embedder(settings, model, collection.embedding.runtime)


def sandbox_of(limits: "ParseLimits") -> "AbstractContextManager[ParserSandbox]":
    """Return what gives a parser within the ``with`` block."""
    from resources.clients.parsing import ParserSandbox

    kept = _kept.pop(("parser", limits), None)
    return ParserSandbox(limits) if kept is None else _leaving(kept)


def traces_of(settings: Settings) -> "Traces":
    """Return what keeps the spans of a run; the caller closes it. Never opened ahead: it runs a thread."""
    from resources.clients.tracing import open_traces

    return open_traces(settings, service=SERVICE)


def parse_limits(collection: "Collection") -> "ParseLimits":
    """Return the limits within which a collection's documents are parsed."""
    from resources.clients.parsing import ParseLimits

    limits = collection.limits
    return ParseLimits(
        timeout_s=limits.parse_timeout_s,
        max_memory_bytes=limits.parse_memory_bytes,
        max_document_bytes=limits.max_document_bytes,
        max_text_bytes=limits.max_text_bytes,
        max_pages=limits.max_pages,
    )


def close_kept() -> None:
    """Close what no run has taken."""
    while _kept:
        (what, *_), kept = _kept.popitem()
        try:
            kept.__exit__(None, None, None) if what == "parser" else kept.close()
        except Exception as error:  # noqa: BLE001 - the process ends now, whatever this one says
            _log.warning("%s cannot be closed: %s", what, error)


def _keep(key: tuple["Hashable", ...], opened: Callable[[], T]) -> None:
    try:
        _kept[key] = opened()
    except Exception as error:  # noqa: BLE001 - whatever it is, the run that needs it meets it again and says so
        _log.warning("%s cannot be opened ahead: %s", key[0], error)


def _open_catalog(url: str) -> "Catalog":
    from resources.clients.catalog import open_catalog

    return open_catalog(url)


def _open_vector_store(settings: Settings) -> "VectorStore":
    return open_vector_store(settings)


def _embedder(settings: Settings, model: str, runtime: Any) -> "Embedder":
    from resources.clients.embedders import open_embedder

    return open_embedder(model, runtime=runtime, threads=settings.threads, cache_dir=settings.model_cache)


def _loaded_model(settings: Settings, model: str, runtime: Any) -> "Embedder":
    embedder = _embedder(settings, model, runtime)
    embedder.embed_documents(["A first text compiles the model and makes its buffers."])
    return embedder


def _started_sandbox(limits: "ParseLimits") -> "ParserSandbox":
    from resources.clients.parsing import ParserSandbox

    sandbox = ParserSandbox(limits).__enter__()
    try:
        sandbox.start_worker()
    except BaseException:
        sandbox.__exit__(None, None, None)
        raise
    return sandbox


@contextmanager
def _leaving(entered: "ParserSandbox") -> "Generator[ParserSandbox]":
    try:
        yield entered
    finally:
        entered.__exit__(None, None, None)
