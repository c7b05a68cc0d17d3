"""What a stack is doing now: a line for each part, cheap enough to ask every moment."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local_stack.answers import answers
from local_stack.parts import Part, parts_of
from local_stack.run_state import RunState, read_state
from local_stack.supervisor_socket import SupervisorSocket
from rag_core.errors import DependencyUnavailable
from resources.clients.home import read_stack


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStatus:
    """One part: ``state`` is running, starting, restarting, waiting, stopping, stopped or external."""

    name: str
    state: str
    pid: int | None = None
    uptime_s: int | None = None
    restarts: int = 0
    next_start_in_s: int | None = None
    url: str | None = None
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the status as JSON values."""
        return asdict(self)


def stack_status(home: Path) -> list[PartStatus]:
    """Return the status of every part of the stack in ``home``; an empty list if none was started there."""
    stack = read_stack(home)
    parts = parts_of(stack)
    try:
        processes = SupervisorSocket(home).processes()
    except DependencyUnavailable:
        return [PartStatus(name=part.name, state="stopped", url=part.url) for part in parts]
    with ThreadPoolExecutor(max_workers=max(1, len(parts))) as pool:
        lines = list(pool.map(lambda part: _line(home, part, processes.get(part.name, {})), parts))
    replaced = stack.get("replaced", {})
    return lines + [PartStatus(name=name, state="external", detail=setting) for name, setting in replaced.items()]


def _line(home: Path, part: Part, process: Mapping[str, Any]) -> PartStatus:
    name, pid = part.name, process.get("pid") or None
    state = read_state(home, name)
    if process.get("statename") not in ("RUNNING", "STARTING", "BACKOFF", "EXITED"):
        gone = str(process.get("statename", "stopped")).lower()
        return PartStatus(name=name, state=gone, restarts=state.restarts, url=part.url)
    if process["statename"] == "BACKOFF":  # it could not even be spawned
        return _of(part, state, state_name="restarting", detail=str(process.get("spawnerr", "")))
    now = time.time()
    if state.phase == "delayed":
        in_s = max(0, round(state.next_start_at - now))
        detail = f"died; starts again in {in_s} s (restart {state.restarts}): see 'rag logs {name}'"
        return _of(part, state, state_name="restarting", next_start_in_s=in_s, detail=detail)
    if state.phase == "waiting":
        return _of(part, state, state_name="waiting", detail=f"for {', '.join(state.waits_for)}")
    if state.phase == "started" and state.pid == pid:
        is_up = answers(part, timeout_s=0.2)
        return _of(part, state, state_name="running" if is_up else "starting", pid=pid, uptime_s=int(now - state.since))
    # The process that wrote the state is gone and its successor has not spoken yet.
    return _of(part, state, state_name="restarting" if state.phase == "started" else "starting")


def _of(
    part: Part,
    state: RunState,
    *,
    state_name: str,
    pid: int | None = None,
    uptime_s: int | None = None,
    next_start_in_s: int | None = None,
    detail: str = "",
) -> PartStatus:
    return PartStatus(
        name=part.name,
        state=state_name,
        pid=pid,
        uptime_s=uptime_s,
        restarts=state.restarts,
        next_start_in_s=next_start_in_s,
        url=part.url,
        detail=detail,
    )
