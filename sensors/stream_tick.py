"""What one tick of a stream did, as a value and as sentences for the UI."""

from dataclasses import dataclass
from enum import StrEnum

from resources.clients.catalog.values import Stop


class StreamEnd(StrEnum):
    """How a tick of a stream ended."""

    CAUGHT_UP = "caught up"
    UNDER_WAY = "under way"
    OVERTAKEN = "overtaken"
    WAITING = "waiting for a person"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTick:
    """What one tick read and recorded; ``lag`` is what was left, in offsets."""

    stream: str
    end: StreamEnd
    read: int = 0
    recorded: int = 0
    hinted: int = 0
    superseded: int = 0
    dead: int = 0
    deleted: int = 0
    lag: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    stops: tuple[Stop, ...] = ()
    partitions: tuple[str, ...] = ()
    """A sentence for each partition that was looked at."""

    def described(self) -> str:
        """Return a sentence for the tick's page in the UI."""
        rate = f" ({self.read / self.seconds:.0f}/s)" if self.read and self.seconds else ""
        said = [
            f"{self.stream}: {self.read} messages{rate}, {self.recorded} recorded, {self.hinted} objects hinted at, "
            f"{self.superseded} older than what is known, {self.dead} dead letters, {self.deleted} deleted; "
            f"lag {self.lag}; {self.end}"
        ]
        if self.absent:
            said.append(f"topics that are not there yet: {', '.join(self.absent)}")
        return ". ".join([*said, *self.notes]) + "."
