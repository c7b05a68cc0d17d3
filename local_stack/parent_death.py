"""Nothing outlives the supervisor: the kernel signals this process when the one that started it ends."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent(by: signal.Signals, *, parent: int) -> None:
    """Ask for the signal ``by`` when process ``parent`` ends; end at once if it is gone already.

    The wish survives ``exec`` but not a change of user: call it after one. Linux only; elsewhere it does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(by), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit(f"process {parent}, which started this one, has ended")
