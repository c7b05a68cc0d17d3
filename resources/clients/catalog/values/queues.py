"""Values of queues: what a reading of one brought a source, and what is known of the queue."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueReading:
    """What is added to a source's account of its queue; ``ignored`` and ``dead`` messages are the queue's own."""

    messages: int = 0
    recorded: int = 0
    left_to_sweep: int = 0
    ignored: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """How many messages wait in a queue, and how many are received and not deleted yet: about, as SQS counts."""

    waiting: int
    in_flight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """A source's queue as it was read last; what was never seen is None.

    ``oldest_s`` is how old the oldest message of the last reading was when it was received, the queue's delay then.
    """

    name: str
    messages: int
    recorded: int
    left_to_sweep: int
    ignored: int
    dead: int
    waiting: int | None
    in_flight: int | None
    looked_at: datetime
    received_at: datetime | None
    oldest_s: float | None
