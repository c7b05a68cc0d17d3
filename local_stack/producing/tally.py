"""What a producer did: counted while it works, told at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from local_stack.producing.outgoing import BadInput, LeftOut
from rag_core.errors import InvalidRequest

NAMED = 20
"""How many of the things that were left out are named."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts of what was not sent; bad input is an error unless it is to be skipped."""

    skip_bad: bool
    bad: int = 0
    left_out: int = 0
    named: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def count_bad(self, found: BadInput) -> None:
        """Count it; raises ``InvalidRequest`` where it is not to be skipped."""
        if not self.skip_bad:
            raise InvalidRequest(
                f"{found.where}: {found.problem}", remedy=f"{found.remedy} --skip-bad leaves such messages out."
            )
        self.bad += 1
        self._name(found.where, found.problem)

    def count_left_out(self, found: LeftOut) -> None:
        """Count it."""
        self.left_out += 1
        self._name(found.where, found.reason)

    def _name(self, where: str, reason: str) -> None:
        if len(self.named) < NAMED:
            self.named.append({"where": where, "reason": reason})


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """How following an event stream went; ``last_event_id`` is that of the last acknowledged message."""

    last_event_id: str
    reconnects: int
    repeats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """What was sent and acknowledged; ``last_offsets`` by partition.

    ``sent_again`` messages may be in the topic twice, in order, because a broker was lost before it acknowledged them.
    """

    topic: str
    partitions: int
    messages: int
    bytes: int
    seconds: float
    last_offsets: Mapping[int, int]
    sent_again: int
    bad: int
    left_out: int
    named: tuple[Mapping[str, str], ...]
    was_stopped: bool
    followed: Followed | None = None
