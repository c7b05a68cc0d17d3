"""What a source needs of a store, and the error that says its root is not there."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from rag_core.errors import DependencyUnavailable
from rag_core.objects import ListedPage, ObjectInfo
from resources.clients.object_store.incoming import Incoming


class RootMissing(DependencyUnavailable):
    """The folder or bucket itself is not there: nothing may be concluded about what was in it."""


class ReadableStore(Protocol):
    """One source's root as runs read it.

    Raises ``RootMissing``, ``DependencyUnavailable``, ``DocumentUnavailable``, ``SourceChanged``; a single object's
    fault becomes ``DocumentUnavailable`` only when the root still answers.
    """

    @property
    def root_uri(self) -> str:
        """The root's URI, ending in a slash."""
        ...

    def uri(self, key: str) -> str:
        """Return the canonical URI of a key, percent-encoded."""
        ...

    def head(self, key: str) -> ObjectInfo | None:
        """Look at one object, user metadata included; None means that it is gone and the root is there."""
        ...

    def tags(self, key: str) -> Mapping[str, str]:
        """Return an object's tags, a request of its own; none when it is gone, and none in a folder."""
        ...

    def download(self, key: str, to: Path, *, expected: ObjectInfo, max_bytes: int) -> ObjectInfo:
        """Write the object to ``to`` if it is still what ``expected`` says; otherwise raises ``SourceChanged``.

        Beyond ``max_bytes`` raises ``DocumentRejected`` (too large).
        """
        ...

    def read_small(self, key: str, max_bytes: int) -> tuple[ObjectInfo, bytes] | None:
        """Return a small object, such as a sidecar, with its description; None when it is gone."""
        ...


class ObjectStore(ReadableStore, Protocol):
    """One source's root as sweeps list it and uploads write it."""

    def probe(self) -> str | None:
        """Return what identifies the root itself (None: the store has no such thing); raises when it is away."""
        ...

    def pages(self, after_key: str, *, page_size: int) -> Iterator[ListedPage]:
        """Yield all keys strictly after ``after_key`` in bytewise order; the last page, possibly empty, is complete."""
        ...

    def list_page(self, after_key: str, limit: int) -> ListedPage:
        """Return the first page of ``pages``."""
        ...

    def put(self, key: str, path: Path) -> ObjectInfo:
        """Store a file's bytes under a key, replacing what was there in one step."""
        ...

    def incoming(self, key: str, *, folder: str) -> Incoming:
        """Begin to receive an object; a folder hides it in ``folder`` (relative to the root) until it is whole."""
        ...

    def remove_abandoned(self, folder: str) -> int:
        """Remove what writers that died left in ``folder``; return how many files."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        ...
