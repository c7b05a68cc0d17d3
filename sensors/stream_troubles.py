"""What keeps a stream from being read, told to the catalog: there ``rag status`` and the API find it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rag_core.errors import RagError

if TYPE_CHECKING:
    from resources.clients.catalog import Catalog


@contextmanager
def noting_trouble(open_catalog: "Callable[[], Catalog]", collection: str, stream: str) -> Iterator[None]:
    """Note what fails within as the stream's trouble, and raise it on; the next tick that reads ends it."""
    try:
        yield
    except Exception as error:
        # Of a defect only the type: its text may hold anything. The log has all of it.
        reason = str(error) if isinstance(error, RagError) else f"A defect: {type(error).__name__}; see the log."
        with suppress(RagError):  # the catalog itself may be what is away
            open_catalog().stream_troubles.note(collection, stream, reason)
        raise
