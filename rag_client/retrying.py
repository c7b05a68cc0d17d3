"""Whether to send a request again, and when.

A 429, a 503, a 409 that names a time, and a broken connection are followed by another attempt where that changes
nothing twice: for calls that are repeatable. A connection that was never made is tried again for every call.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from rag_client.calls import Call

_BUSY = frozenset({429, 503})
_CONFLICT = 409
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout)
_BROKEN = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often and how patiently; ``attempts=1`` sends everything once.

    The pauses double from ``first_delay_s`` up to ``max_delay_s``, with up to a quarter more by chance. A
    ``Retry-After`` is kept to; one that is longer than ``max_retry_after_s`` is left to the caller.
    """

    attempts: int = 5
    first_delay_s: float = 0.5
    max_delay_s: float = 8.0
    max_retry_after_s: float = 60.0

    def delay_s(self, tried: int) -> float:
        """Return the pause after that many attempts without success."""
        waited = min(self.max_delay_s, self.first_delay_s * 2 ** (tried - 1))
        return waited * (1 + random.random() / 4)  # noqa: S311  # spreads clients, keeps no secret

    def after_status(self, call: Call[Any], status: int, retry_after_s: float | None, tried: int) -> float | None:
        """Return how long to wait before the next attempt, None where there is none."""
        its_own = tried > 1  # an attempt whose connection broke may still be in work there
        is_passing = status in _BUSY or (status == _CONFLICT and (retry_after_s is not None or its_own))
        if not is_passing or not call.is_repeatable or tried >= self.attempts:
            return None
        if retry_after_s is not None and retry_after_s > self.max_retry_after_s:
            return None
        return max(self.delay_s(tried), retry_after_s or 0.0)

    def after_error(self, call: Call[Any], error: Exception, tried: int) -> float | None:
        """The same after an attempt that brought no response."""
        may = isinstance(error, _NEVER_SENT) or (call.is_repeatable and isinstance(error, _BROKEN))
        return self.delay_s(tried) if may and tried < self.attempts else None


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return what ``Retry-After`` asks for, in seconds or as a date; None where it says nothing that can be read."""
    said = headers.get("retry-after", "").strip()
    if said.isdigit():
        return float(said)
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
