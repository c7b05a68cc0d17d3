"""What costs something is looked up when somebody reads it, and kept for some seconds.

A look is kept for ``KEPT_S``, and for twenty times what it cost: whoever is watched spends at most a twentieth of one
connection on it.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from rag_core.errors import RagError

KEPT_S = 5.0
_SHARE = 20
_log = logging.getLogger("query_api")
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look(Generic[_Found]):
    """What was found, None where nobody answered, and how long ago."""

    found: _Found | None
    age_s: float


class Rarely(Generic[_Found]):
    """Looks for all who ask; of several at once one looks and the others wait for it."""

    def __init__(self, read: Callable[[], _Found], *, what: str) -> None:
        self._read = read
        self._what = what
        self._lock = threading.Lock()
        self._found: _Found | None = None
        self._at_s = 0.0
        self._kept_until_s = 0.0

    def look(self) -> Look[_Found]:
        """Return what is kept, or look anew; what cannot be reached is said in the log."""
        with self._lock:
            began_s = time.monotonic()
            if began_s >= self._kept_until_s:
                self._found = self._read_or_none()
                self._at_s = time.monotonic()
                self._kept_until_s = self._at_s + max(KEPT_S, _SHARE * (self._at_s - began_s))
            return Look(found=self._found, age_s=time.monotonic() - self._at_s)

    def forget(self) -> None:
        """Look anew the next time."""
        with self._lock:
            self._kept_until_s = 0.0

    def _read_or_none(self) -> _Found | None:
        try:
            return self._read()
        except RagError as error:
            _log.warning("No figures of %s: %s", self._what, error)
            return None
