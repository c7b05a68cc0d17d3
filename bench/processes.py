"""Memory and CPU time of every process of a stack, looked at while it works."""

import threading
from collections import defaultdict
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from local_stack.members import MARK

LOOK_EVERY_S = 2.0
MB = 1024 * 1024
_PROGRAM_WORDS = 6
"""What is started stands in a command's first words; its arguments name other parts."""

_POOL = "local_stack.warm_runs"
_ROLES = (
    ("resources.clients.parsing", "parser"),
    ("execute_run", "run"),
    ("spawn_main", "run"),  # the code server starts a run by multiprocessing
    ("local_stack.edge_server", "qdrant"),
    ("dagster_webserver", "dagster-webserver"),
    ("local_stack.dagster_daemon", "dagster-daemon"),
    ("query_api.worker", "answers"),
    ("query_api", "api"),
    ("sensors.watcher", "watcher"),
    ("sensors.listener", "listener"),
    ("local_stack.run_supervisor", "supervisor"),
    ("local_stack.run_part", "supervisor"),
    ("postgres", "postgres"),
    ("grpc", "code server"),
    ("code-server", "code server"),
    ("/kafka-", "kafka"),  # the folder of its jars: its own name comes late
)


class Watched:
    """Looks at the processes of the stack in ``home`` inside its ``with`` block."""

    def __init__(self, home: Path) -> None:
        self._mark = str(home)
        self._role: dict[tuple[int, float], str | None] = {}
        self._peak: dict[tuple[int, float], int] = {}
        self._cpu: dict[tuple[int, float], float] = {}
        self._cpu_before: dict[tuple[int, float], float] = {}
        self._trees: int = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._cpu_before = dict(self._cpu)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def peak_mb(self) -> dict[str, float]:
        """Return each role's largest process at its peak."""
        peaks: dict[str, float] = defaultdict(float)
        for process, value in self._peak.items():
            role = self._role[process]
            if role is not None:
                peaks[role] = max(peaks[role], value / MB)
        return dict(sorted(peaks.items()))

    def run_peak_mb(self) -> float | None:
        """Return the largest run with the parser processes it had at once, each at its own peak; None without a run."""
        return self._trees / MB or None

    def core_s(self) -> dict[str, float]:
        """Return the CPU seconds that each role spent meanwhile."""
        spent: dict[str, float] = defaultdict(float)
        for process, value in self._cpu.items():
            role = self._role[process]
            if role is not None:
                spent[role] += value - self._cpu_before.get(process, 0.0)
        return dict(sorted(spent.items()))

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            self._look()

    def _look(self) -> None:
        now: dict[int, tuple[str, int, int]] = {}
        for process in psutil.process_iter(["pid", "ppid", "create_time"]):
            key = (process.info["pid"], process.info["create_time"])
            try:
                role = self._role_of(process, key)
                if role is None:
                    continue
                peak = _peak_bytes(process.pid)
                spent = process.cpu_times()
            except (psutil.Error, OSError):
                continue  # ended meanwhile
            self._peak[key] = max(self._peak.get(key, 0), peak)
            self._cpu[key] = spent.user + spent.system
            now[process.pid] = (role, process.info["ppid"], peak)
        for pid, (role, _, peak) in now.items():
            if role == "run":
                below = sum(other[2] for other_pid, other in now.items() if _is_below(other_pid, pid, now))
                self._trees = max(self._trees, peak + below)

    def _role_of(self, process: psutil.Process, key: tuple[int, float]) -> str | None:
        if key in self._role and self._role[key] not in ("run pool", "other"):
            return self._role[key]
        words = " ".join(process.cmdline()[:_PROGRAM_WORDS])
        parent = next((role for (pid, _), role in self._role.items() if pid == process.info["ppid"] and role), None)
        if parent is None and process.environ().get(MARK) != self._mark:
            self._role[key] = None
            return None
        role = next((name for part, name in _ROLES if part in words), None)
        if role is None and _POOL in words:  # its children are forked: they bear its name
            role = "run" if parent in ("run pool", "run") else "run pool"
        self._role[key] = role or "other"
        return self._role[key]


def _peak_bytes(pid: int) -> int:
    """Return the most memory that a process ever had resident."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _is_below(pid: int, ancestor: int, now: dict[int, tuple[str, int, int]]) -> bool:
    while pid in now and pid != ancestor:
        pid = now[pid][1]
        if pid == ancestor:
            return True
    return False
