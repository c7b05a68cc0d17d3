"""Free loopback ports and waiting for servers."""

import contextlib
import random
import socket
import time
from collections.abc import Callable

_PORTS = range(10_000, 32_000)
"""Below what the kernel gives to outgoing connections: no client of another test takes a port before it is used."""


def free_ports(count: int) -> list[int]:
    """Return ``count`` different ports of 127.0.0.1 that nobody listens on now."""
    found: list[int] = []
    while len(found) < count:
        port = free_block(1)
        found += [] if port in found else [port]
    return found


def free_block(count: int) -> int:
    """Return the first of ``count`` neighbouring ports of 127.0.0.1 that nobody listens on now."""
    for _ in range(1000):
        first = random.SystemRandom().choice(_PORTS)
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise AssertionError(f"no {count} neighbouring free ports")


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
