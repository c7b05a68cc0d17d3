"""Metrics of a process that is no web server, at a port of their own."""

from collections.abc import Generator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server

from query_api.observing.exposition import as_exported
from rag_core.errors import ConfigurationError


@contextmanager
def exported(registry: CollectorRegistry, address: str | None) -> Generator[None]:
    """Export the metrics of a registry at ``http://HOST:PORT/metrics`` while the block lasts; None: nowhere.

    Whoever reaches the port reads them: they are numbers, without a word of what was asked or indexed. Raises
    ``ConfigurationError`` where the address cannot be listened on.
    """
    if address is None:
        yield
        return
    host, _, port = address.rpartition(":")
    try:
        server, thread = start_http_server(int(port), addr=host.strip("[]"), registry=as_exported(registry))
    except OSError as error:
        raise ConfigurationError(
            f"RAG_WORKER_METRICS={address} cannot be listened on: {error.strerror}.",
            remedy="Name a free port of this machine; each worker needs one of its own.",
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
