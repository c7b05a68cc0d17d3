"""The connection to a Qdrant server, and the one place where its client's errors become ours."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rag_core.errors import ConfigurationError, DependencyUnavailable, Permanent
from rag_core.vector_index import IndexGone

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

DEPENDENCY = "qdrant"
_KEPT_CONNECTIONS = 20
_KEPT_S = 4.0
"""Below what servers keep, so that none is used that its server closes: the edge server 75 s, older Qdrants only 5."""
_NOT_ALLOWED = frozenset({401, 403})
_NOT_FOUND = 404
_TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


def connect(url: str, api_key: str | None = None, *, timeout_s: int = 60) -> "QdrantClient":
    """Return a REST client of the server at ``url``; nothing is sent before its first call."""
    import httpx
    from qdrant_client import QdrantClient

    return QdrantClient(
        url=url,
        api_key=api_key,
        timeout=timeout_s,
        prefer_grpc=False,
        check_compatibility=False,
        port=None,
        # By its own choice it opens a connection for each request to this machine, a twelfth of what a search takes.
        limits=httpx.Limits(
            max_connections=None, max_keepalive_connections=_KEPT_CONNECTIONS, keepalive_expiry=_KEPT_S
        ),
    )


@contextmanager
def translating(doing: str) -> Generator[None]:
    """Turn the client's errors into ours: away or overloaded is ``DependencyUnavailable``, refused ``Permanent``.

    What is asked of an index that is not there is ``IndexGone``. Other errors pass unchanged; ours are never wrapped
    twice.
    """
    from qdrant_client.common.client_exceptions import QdrantException
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    try:
        yield
    except UnexpectedResponse as error:
        words = error.content.decode("utf-8", "replace")[:2000]
        if error.status_code is None or error.status_code in _TRANSIENT_STATUS:
            message = f"Qdrant could not {doing}: {error.status_code} {words}"
            raise DependencyUnavailable(message, dependency=DEPENDENCY) from error
        if error.status_code in _NOT_ALLOWED:
            raise ConfigurationError(
                f"Qdrant does not let us {doing}: {error.status_code} {words}", remedy="Correct RAG_QDRANT_API_KEY."
            ) from error
        if error.status_code == _NOT_FOUND:
            raise IndexGone(
                f"Qdrant could not {doing}: {words}",
                dependency=DEPENDENCY,
                remedy="If it says so again, see that RAG_QDRANT_URL is Qdrant's address.",
            ) from error
        raise Permanent(f"Qdrant refused to {doing}: {error.status_code} {words}") from error
    except (ResponseHandlingException, QdrantException, ConnectionError, TimeoutError) as error:
        message = f"Qdrant did not answer ({doing}): {error}"
        raise DependencyUnavailable(message, dependency=DEPENDENCY) from error
