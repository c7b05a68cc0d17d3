"""What every run needs besides its sources: looked at before a run is asked for, so that an outage costs none.

Each is asked in a thread of its own, because no client's time-out reaches a hanging file system; one that still has not
answered the last question is away, and is not asked again before it does. Connections stay open between the looks.
"""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from pathlib import Path

from rag_core.collection import BucketSource
from rag_core.errors import DependencyUnavailable, RagError
from resources.clients.settings import Settings
from resources.clients.vector_stores import open_vector_store, vector_store_remedy
from sensors.time_limits import begun

LOOK_S = 3.0
_INDEX_TIMEOUT_S = 2


@dataclass(slots=True, kw_only=True)
class Dependency:
    """One part of the system: what it is called, how to look at it, and what to do when it is away."""

    name: str
    look: Callable[[], object]
    remedy: str
    _asked: "Future[object] | None" = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self) -> "Future[object]":
        """Ask whether it is there, or return the question that it has not answered yet."""
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked = begun(self.look, name=f"look at {self.name}")
            return self._asked


def require(dependencies: Sequence[Dependency], *, timeout_s: float = LOOK_S) -> None:
    """Return when all are there; raises ``DependencyUnavailable`` that names each that is away, and what to do."""
    asked = [(each, each.ask()) for each in dependencies]
    wait([answer for _, answer in asked], timeout=timeout_s)
    away = [(each, reason) for each, answer in asked if (reason := _reason(answer, timeout_s))]
    if away:
        raise DependencyUnavailable(
            " ".join(f"The {each.name} is away: {reason}" for each, reason in away) + " No run is asked for meanwhile.",
            dependency=", ".join(each.name for each, _ in away),
            remedy=" ".join(each.remedy for each, _ in away) + " Work goes on by itself.",
        )


def served_collections(dependencies: Sequence[Dependency], *, timeout_s: float = LOOK_S) -> frozenset[str]:
    """Return the collections that the vector index serves now, by its aliases."""
    served: frozenset[str] = frozenset()
    for each in dependencies:
        answer = each.ask().result(timeout_s)
        served |= answer if isinstance(answer, frozenset) else frozenset()
    return served


def _reason(answer: "Future[object]", timeout_s: float) -> str:
    if not answer.done():
        return f"it did not answer within {timeout_s:.0f} s."
    error = answer.exception()
    if error is None:
        return ""
    if isinstance(error, RagError):
        return f"{error.message.rstrip('.')}."
    if isinstance(error, OSError):
        return f"{error.strerror or error}."
    raise error


def vector_index(settings: Settings) -> Dependency:
    """Return the vector store, asked for its aliases: a small answer that needs its key, as writing does."""
    store = open_vector_store(settings, timeout_s=_INDEX_TIMEOUT_S)
    searcher = store.searcher()

    def look() -> frozenset[str]:
        return frozenset(searcher.collections())

    return Dependency(name=f"vector index ({store.name})", look=look, remedy=vector_store_remedy(settings))


def part_store(root: str) -> Dependency:
    """Return the place of the Parquet parts: a folder (the first run makes it), or an ``s3://`` prefix."""
    from resources.clients.object_store import open_store
    from resources.clients.settings import load_settings

    store = open_store(
        BucketSource(name="part_store", url=root),
        Path.cwd(),
        environ={**os.environ, **load_settings().aws_environment()},
    )

    def look() -> None:
        folder = None if root.startswith("s3://") else Path(root.removeprefix("file://"))
        if folder is None or folder.exists() or not folder.parent.is_dir():
            store.probe()

    return Dependency(name=f"part store ({root})", look=look, remedy="Mount or start it, or correct RAG_PARQUET.")
