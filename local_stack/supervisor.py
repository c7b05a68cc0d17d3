"""The supervisor of a stack (supervisord): its configuration, its start, its end.

supervisord starts every part again the moment it died; ``run_part`` does the waiting, because supervisord's own
back-off grows only for programs that die within their first second and gives up after a number of tries.
"""

import contextlib
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from local_stack.members import end_members, is_living, mark_of
from local_stack.parts import Part
from local_stack.private_files import write_private
from local_stack.supervisor_socket import SupervisorSocket, prepare_socket_folder, socket_path
from rag_core.errors import DependencyUnavailable
from resources.clients.home import stack_file

LOG_BYTES = "10MB"
LOG_GENERATIONS = 3
START_LIMIT_S = 20.0


def log_path(home: Path, name: str) -> Path:
    """Return the log file of a part, or of the supervisor itself under the name ``supervisor``."""
    return home / "logs" / f"{name}.log"


def start_supervisor(home: Path, parts: Sequence[Part], *, ends_with_us: bool) -> subprocess.Popen[bytes]:
    """Start the supervisor with ``parts`` and return when it answers; ``ends_with_us``: it ends when we do."""
    configuration = home / "run" / "supervisord.conf"
    socket = socket_path(home)
    prepare_socket_folder(socket)
    socket.unlink(missing_ok=True)  # nobody answers on it: the caller asked
    log_path(home, "supervisor").parent.mkdir(mode=0o700, exist_ok=True)
    write_private(configuration, _configuration(home, parts))
    with log_path(home, "supervisor").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "local_stack.run_supervisor", str(configuration), str(int(ends_with_us))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # in the foreground supervisord says everything twice: here and in its log
            stderr=log,
            cwd=home,
            env={**os.environ, **mark_of(home), "RAG_HOME": str(home)},
            start_new_session=True,  # Ctrl-C in the terminal reaches rag up alone, which then ends things in order
        )
    supervisor = SupervisorSocket(home)
    end = time.monotonic() + START_LIMIT_S
    while not supervisor.is_alive():
        if process.poll() is not None or time.monotonic() > end:
            raise DependencyUnavailable(
                f"The supervisor did not start: {_tail(log_path(home, 'supervisor'))}",
                dependency="supervisor",
                remedy="See 'rag logs supervisor'.",
            )
        time.sleep(0.05)
    return process


def stop_supervisor(home: Path, *, limit_s: float = 180.0) -> bool:
    """End the stack and return when its last process is gone; False if there was nothing to end."""
    supervisor = SupervisorSocket(home)
    was_alive = supervisor.is_alive()
    if was_alive:
        pid = supervisor.pid()
        with contextlib.suppress(DependencyUnavailable):  # somebody else asked first: wait with them
            supervisor.shut_down()
        _wait_for_end(pid, limit_s)
    left = end_members(home)
    stack_file(home).unlink(missing_ok=True)
    socket_path(home).unlink(missing_ok=True)
    return was_alive or left > 0


def _wait_for_end(pid: int, limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if not is_living(pid):
            return
        time.sleep(0.05)


def _configuration(home: Path, parts: Sequence[Part]) -> str:
    """Return supervisord's configuration; paths are relative to the home, whatever characters its name has."""
    root = ["user=root"] if os.geteuid() == 0 else []  # said out loud, otherwise supervisord warns
    socket = socket_path(home)
    lines = [
        "[supervisord]",
        "nodaemon=true",
        "logfile=logs/supervisor.log",
        f"logfile_maxbytes={LOG_BYTES}",
        f"logfile_backups={LOG_GENERATIONS}",
        "pidfile=run/supervisord.pid",
        "childlogdir=logs",
        *root,
        "[unix_http_server]",
        f"file={socket.relative_to(home) if socket.is_relative_to(home) else socket}",
        "chmod=0700",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
    ]
    for place, part in enumerate(parts, start=1):
        command = shlex.join([sys.executable, "-P", "-m", "local_stack.run_part", part.name])
        lines += [
            f"[program:{part.name}]",
            "command=" + command.replace("%", "%%"),
            f"priority={place}",  # ended in the opposite order: nobody loses the database it still writes to
            "autostart=true",
            "autorestart=true",
            "startsecs=0",
            "startretries=1000000",
            f"stopsignal={part.stop_signal}",
            f"stopwaitsecs={part.stop_limit_s}",
            f"stopasgroup={str(part.stops_group).lower()}",
            "killasgroup=true",
            "redirect_stderr=true",
            f"stdout_logfile=logs/{part.name}.log",
            f"stdout_logfile_maxbytes={LOG_BYTES}",
            f"stdout_logfile_backups={LOG_GENERATIONS}",
        ]
    return "\n".join(lines) + "\n"


def _tail(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1]
    except (FileNotFoundError, IndexError):
        return "it wrote no log"
