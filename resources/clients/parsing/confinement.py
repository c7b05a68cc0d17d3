"""What a worker gives up before it reads its first hostile byte."""

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_MAX_FILE_BYTES = 64 * 1024
_MAX_OPEN_FILES = 64
_ADDRESS_SPACE_HEADROOM = 512 * 1024 * 1024


def confine(*, parent_pid: int, max_memory_bytes: int) -> None:
    """Bind this process to its parent's life and bound what it can take; ends it if the parent is already gone.

    The parent watches resident memory; the address space limit behind it, half a GiB wider, stops an allocation that
    outruns the watching.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent_pid:
        sys.exit("the parent is gone")
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, _MAX_FILE_BYTES)
    _lower(resource.RLIMIT_NOFILE, _MAX_OPEN_FILES)
    _lower(resource.RLIMIT_AS, max_memory_bytes + _ADDRESS_SPACE_HEADROOM)


def end_after(seconds: float) -> None:
    """Let the kernel end this process after so many seconds (0: no longer), should its parent be stopped or stuck."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _lower(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (wanted, wanted))
