"""Are the ports that a stack wants free? Asked before anything is started."""

import socket
from collections.abc import Sequence

from local_stack.parts import Part
from rag_core.errors import ConfigurationError

HOST = "127.0.0.1"


def check_ports(parts: Sequence[Part]) -> None:
    """Fail by port and setting if a port is taken, or wanted twice."""
    wanted: dict[int, str] = {}
    for part in parts:
        for port in (part.port, *part.more_ports):
            if port is None:
                continue
            if port in wanted:
                raise ConfigurationError(
                    f"Port {port} is wanted by both {wanted[port]} and {part.name}.",
                    remedy=f"Set {part.port_setting} to another port.",
                )
            wanted[port] = part.name
            if port > 65535 or not _is_free(port):
                raise ConfigurationError(
                    f"Port {port}, which {part.name} would listen on, is in use.",
                    remedy=f"End what uses it, or set {part.port_setting} to another port.",
                )


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that just ended do not count
        try:
            one.bind((HOST, port))
        except OSError:
            return False
        return True
