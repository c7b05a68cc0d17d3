"""When a document that could not be read or written now is tried again: pure arithmetic."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryDelays:
    """Delays that grow by ``factor`` from ``first_s`` to ``longest_s``, spread by up to ``spread`` either way."""

    first_s: float = 5.0
    factor: float = 3.0
    longest_s: float = 3600.0
    spread: float = 0.2

    def after(self, attempt: int, *, chance: float = 0.5) -> float:
        """Return the seconds to wait after failed attempt 1, 2, …; ``chance`` in [0, 1) picks within the spread."""
        if attempt < 1:
            message = "attempts are counted from 1"
            raise ValueError(message)
        grown = self.first_s
        for _ in range(attempt - 1):
            grown = min(grown * self.factor, self.longest_s)
            if grown >= self.longest_s:
                break
        return min(grown, self.longest_s) * (1 + self.spread * (2 * chance - 1))


def is_exhausted(attempts: int, max_attempts: int) -> bool:
    """Say whether an arrival that was begun ``attempts`` times may not be tried again."""
    return attempts >= max_attempts
