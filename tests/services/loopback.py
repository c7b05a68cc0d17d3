"""Free loopback ports and waiting for servers."""

import contextlib
import socket
import time
from collections.abc import Callable


def free_ports(count: int) -> list[int]:
    """Return ``count`` different ports of 127.0.0.1 that nobody listens on now."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    return free_ports(1)[0]


def wait_until(is_so: Callable[[], bool], *, what: str, limit_s: float = 60.0) -> None:
    """Return once ``is_so()``; fail loudly after ``limit_s``, a bound against hanging and no measurement."""
    end = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit_s:.0f} s for: {what}")
        time.sleep(0.02)
