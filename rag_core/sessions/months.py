"""Calendar months in UTC: the unit in which messages are kept and dropped."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

_NAME = re.compile(r"(\d{4})_(\d{2})")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month; as text ``2026_01``."""

    year: int
    month: int

    @classmethod
    def of(cls, moment: datetime) -> Self:
        """Return the month that a moment lies in."""
        moment = moment.astimezone(UTC)
        return cls(moment.year, moment.month)

    @classmethod
    def kept_at(cls, now: datetime, keep_days: int) -> Self:
        """Return the oldest month that still has a moment of the last ``keep_days`` in it."""
        return cls.of(now - timedelta(days=keep_days))

    @classmethod
    def parsed(cls, name: str) -> Self:
        """Return the month of a text such as ``2026_01``; raises ``ValueError``."""
        found = _NAME.fullmatch(name)
        if found is None:
            raise ValueError(f"{name!r} is no month")
        return cls(int(found[1]), int(found[2]))

    def later(self, months: int) -> Self:
        """Return the month that comes so many months later."""
        count = self.year * 12 + self.month - 1 + months
        return type(self)(count // 12, count % 12 + 1)

    @property
    def begins(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def ends(self) -> datetime:
        """The first moment that is not in it any more."""
        return self.later(1).begins

    def __str__(self) -> str:
        return f"{self.year:04}_{self.month:02}"
