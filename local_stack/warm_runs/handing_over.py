"""The few bytes that hand a run over: a worker says that it is there, the launcher sends the id, the worker took it.

A worker answers before it begins, so a launcher that hears nothing knows that the run was not taken, and asks again.
"""

import socket
import time
from pathlib import Path
from uuid import UUID

from rag_core.errors import DependencyUnavailable

HERE = b"here."
TAKEN = b"taken"
ID_BYTES = 36
ANSWER_LIMIT_S = 5.0
LOOK_AGAIN_S = 0.1
GREETING_LIMIT_S = 0.5


def hand_over(address: Path, run_id: str, *, patience_s: float) -> None:
    """Return when a worker has taken the run; raises ``DependencyUnavailable`` if none did within ``patience_s``.

    While the pool is started again, or imports changed code, nobody answers: that is waited for.
    """
    message = str(UUID(run_id)).encode()
    ends = time.monotonic() + patience_s
    while (left_s := ends - time.monotonic()) > 0:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(left_s)
                connection.connect(str(address))
                if connection.recv(len(HERE)) == HERE:
                    connection.sendall(message)
                    if connection.recv(len(TAKEN)) == TAKEN:
                        return
        except OSError:
            pass  # not there, or gone with its last process: look again
        time.sleep(LOOK_AGAIN_S)
    raise DependencyUnavailable(
        f"No run worker took run {run_id} within {patience_s:.0f} s.",
        dependency="run workers",
        remedy="See 'rag status' and 'rag logs run-workers'; RAG_RUN_LAUNCHER=default starts runs without them.",
    )


def is_worker_waiting(address: Path) -> bool:
    """Say whether a worker would take a run now; one that is still opening things would not."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(GREETING_LIMIT_S)
            connection.connect(str(address))
            return connection.recv(len(HERE)) == HERE
    except OSError:
        return False


def received_run(connection: socket.socket) -> str | None:
    """Greet a launcher and read the id that it sends; None if it went away or sends something else."""
    connection.settimeout(ANSWER_LIMIT_S)
    try:
        connection.sendall(HERE)
        message = connection.recv(ID_BYTES, socket.MSG_WAITALL)
        return str(UUID(message.decode("ascii"))) if len(message) == ID_BYTES else None
    except (OSError, ValueError):
        return None


def answer_taken(connection: socket.socket) -> bool:
    """Say that the run is taken; False if nobody is there to hear it, and then it must not be begun."""
    try:
        connection.sendall(TAKEN)
    except OSError:
        return False
    return True
