"""Where launchers and workers of one home meet."""

from pathlib import Path

from local_stack.supervisor_socket import socket_path


def workers_socket(home: Path) -> Path:
    """Return the socket on which workers take runs."""
    return socket_path(home, name="run-workers")


def records_folder(home: Path) -> Path:
    """Return the folder that says which run is in whose hands."""
    return home / "run" / "runs"
