"""What one tick of a sweep did, as a value and as a sentence for the UI."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from resources.clients.catalog.values import Stop


class TickEnd(StrEnum):
    """How a tick of a sweep ended."""

    WAITING = "waiting"
    UNDER_WAY = "under way"
    COMPLETE = "complete"
    OVERTAKEN = "overtaken"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepTick:
    """What one tick looked at and recorded; ``deleted`` and ``stops`` are known at a sweep's end.

    ``lifted`` is a stop that this sweep ended: what was missing is back.
    """

    source: str
    end: TickEnd
    looked_at: int = 0
    recorded: int = 0
    deleted: int = 0
    unreadable: tuple[str, ...] = ()
    due_at: datetime | None = None
    stops: tuple[Stop, ...] = ()
    lifted: Stop | None = None

    def described(self) -> str:
        """Return a sentence for the tick's page in the UI."""
        next_look = f"; the next sweep is due at {self.due_at:%H:%M:%S} UTC" if self.due_at else ""
        unread = f"; could not look at {', '.join(self.unreadable)}" if self.unreadable else ""
        match self.end:
            case TickEnd.WAITING:
                return f"{self.source}: the last sweep looked at {self.looked_at} objects{unread}{next_look}."
            case TickEnd.OVERTAKEN:
                return f"{self.source}: another tick sweeps this source."
            case _:
                did = f"{self.recorded} new or changed, {self.deleted} deleted"
                goes_on = f" {lifted_note(self.lifted)}" if self.lifted else ""
                return (
                    f"{self.source}: looked at {self.looked_at} objects, {did}; {self.end}{unread}{next_look}.{goes_on}"
                )


def lifted_note(stop: Stop) -> str:
    """Say that a stop is over by itself, and what it was about."""
    since = f"{stop.stopped_at:%Y-%m-%d %H:%M:%S} UTC"
    return (
        f"The stop {stop.id} ({stop.kind.value}) of source {stop.source} since {since} is lifted: the objects are back."
    )
