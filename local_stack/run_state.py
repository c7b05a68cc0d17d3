"""What is remembered of each part between its starts: how often it died, why it is not running now, and until when.

``run_part`` writes it, ``rag status`` reads it. The delay before a start grows with every death that came soon after
the one before: 1, 2, 4, … s, at most ``MAX_DELAY_S``; a part is never given up.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, Self

from local_stack.private_files import write_private

MAX_DELAY_S = 60.0
HEALTHY_AFTER_S = 60.0
"""A part that ran this long before it died is started again at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """The last known doing of one part; times are seconds since the epoch."""

    phase: Literal["new", "delayed", "waiting", "started"] = "new"
    since: float = 0.0
    pid: int = 0
    next_start_at: float = 0.0
    waits_for: tuple[str, ...] = ()
    restarts: int = 0
    deaths_in_a_row: int = 0

    @property
    def delay_s(self) -> float:
        """Seconds to wait before the next start."""
        return min(MAX_DELAY_S, 2.0 ** (self.deaths_in_a_row - 1)) if self.deaths_in_a_row else 0.0

    def after_death(self, *, now: float) -> Self:
        """Return the state of a part that is about to be started again, or for the first time."""
        if self.phase != "started":  # it died before it was started, or never lived: nothing to count
            return self
        lived_long = now - self.since >= HEALTHY_AFTER_S
        return replace(self, restarts=self.restarts + 1, deaths_in_a_row=0 if lived_long else self.deaths_in_a_row + 1)


def state_path(home: Path, name: str) -> Path:
    """Return the file in which the state of part ``name`` is kept."""
    return home / "run" / f"{name}.json"


def read_state(home: Path, name: str) -> RunState:
    """Return the remembered state of the part; a fresh one if there is none."""
    try:
        values = json.loads(state_path(home, name).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return RunState()
    return RunState(**{**values, "waits_for": tuple(values["waits_for"])})


def write_state(home: Path, name: str, state: RunState) -> None:
    """Remember ``state`` as that of the part."""
    write_private(state_path(home, name), json.dumps(asdict(state)))
