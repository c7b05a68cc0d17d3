"""How many requests a key may send: a bucket for each, filled steadily, that holds one minute's worth."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Bucket:
    left: float
    filled_at_s: float


class RateLimits:
    """The buckets of one process, used from its event loop alone; there are no more of them than keys."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def wait_s(self, key_id: str, per_minute: int) -> float:
        """Take one request out of a key's bucket; return 0, or after how many seconds there will be one to take."""
        now_s = self._clock()
        bucket = self._buckets.setdefault(key_id, _Bucket(left=per_minute, filled_at_s=now_s))
        bucket.left = min(per_minute, bucket.left + (now_s - bucket.filled_at_s) * per_minute / 60)
        bucket.filled_at_s = now_s
        if bucket.left >= 1:
            bucket.left -= 1
            return 0.0
        return (1 - bucket.left) * 60 / per_minute
