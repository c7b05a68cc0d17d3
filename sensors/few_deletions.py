"""How many deletions may be recorded without a sweep: in any window never as many as its safety stop counts."""

from collections import deque

from rag_core.sweeping import USUAL

DELETIONS_WINDOW_S = 600.0


class FewDeletions:
    """Counts deletions over a sliding window; every call says what time it is."""

    def __init__(self) -> None:
        self._at_s: deque[float] = deque()

    def left(self, now_s: float) -> int:
        """Return how many may be recorded now."""
        while self._at_s and self._at_s[0] < now_s - DELETIONS_WINDOW_S:
            self._at_s.popleft()
        return USUAL.min_objects - 1 - len(self._at_s)

    def spend(self, count: int, now_s: float) -> None:
        """Count deletions that were recorded."""
        self._at_s.extend([now_s] * count)
