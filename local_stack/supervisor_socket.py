"""Talk with the supervisor: XML-RPC over a unix socket that only its owner can open."""

import hashlib
import http.client
import os
import socket
import stat
import xmlrpc.client
from pathlib import Path
from typing import Any

from rag_core.errors import DependencyUnavailable

MAX_PATH_BYTES = 90
"""A socket's path may have about 107 bytes, and supervisord first binds it with ``.<pid>`` behind it."""


def socket_path(home: Path, *, name: str = "supervisor") -> Path:
    """Return where a socket of ``home`` is: in it, or, where that path is too long, in a private short folder."""
    inside = home / "run" / f"{name}.sock"
    if len(os.fsencode(inside)) <= MAX_PATH_BYTES:
        return inside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(runtime) if runtime and len(runtime) < 50 else Path(f"/tmp/rag-{os.getuid()}")  # noqa: S108 - checked below
    return folder / (f"rag-{digest}.sock" if name == "supervisor" else f"rag-{digest}-{name}.sock")


def prepare_socket_folder(path: Path) -> None:
    """Make the socket's folder and refuse one that somebody else prepared."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.parent.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise DependencyUnavailable(
            f"{path.parent} is not a private folder of this user.",
            dependency="supervisor",
            remedy="Remove it, or set RAG_HOME to a shorter path.",
        )


class SupervisorSocket:
    """The calls we make of supervisord's RPC interface."""

    def __init__(self, home: Path) -> None:
        self._path = socket_path(home)

    def is_alive(self) -> bool:
        """Tell whether a supervisor answers."""
        try:
            return bool(self._call("getState")["statename"])
        except DependencyUnavailable:
            return False

    def processes(self) -> dict[str, dict[str, Any]]:
        """Return supervisord's own view of each part, by name."""
        return {each["name"]: each for each in self._call("getAllProcessInfo")}

    def pid(self) -> int:
        """Return the supervisor's process id."""
        return int(self._call("getPID"))

    def shut_down(self) -> None:
        """Ask for an orderly end; returns before it is there."""
        self._call("shutdown")

    def _call(self, method: str) -> Any:
        transport = _UnixTransport(str(self._path))
        try:
            with xmlrpc.client.ServerProxy("http://localhost", transport=transport) as proxy:
                return getattr(proxy.supervisor, method)()
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
            raise DependencyUnavailable("The supervisor does not answer.", dependency="supervisor") from error


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        del host  # there is only the one socket
        return _UnixConnection(self._path)
