"""``python -m local_stack.run_supervisor CONFIGURATION 0|1``: become supervisord; 1 ends it with its parent."""

import os
import signal
import sys

from local_stack.parent_death import end_with_parent


def main() -> None:
    """Run supervisord in the foreground until it is told to end."""
    configuration, ends_with_parent = sys.argv[1], sys.argv[2] == "1"
    os.umask(0o077)  # logs and everything that the parts write are the owner's alone
    if ends_with_parent:
        end_with_parent(signal.SIGTERM, parent=os.getppid())
    from supervisor.supervisord import main as supervise

    supervise(["-c", configuration])


if __name__ == "__main__":
    main()
