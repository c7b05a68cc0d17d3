"""``python -m local_stack.warm_runs``: the pool of run workers, a part of the stack.

When the code changes the process becomes itself anew (``exec``): same pid, same socket, so a launcher that asks
meanwhile only waits for a moment; workers with a run go on to its end.
"""

import argparse
import logging
import os
import socket
import sys
from pathlib import Path

from local_stack.supervisor_socket import prepare_socket_folder
from local_stack.warm_runs.code_state import CodeState
from local_stack.warm_runs.importing import import_ahead
from local_stack.warm_runs.places import records_folder, workers_socket
from local_stack.warm_runs.pool import Pool
from local_stack.warm_runs.records import RunRecords
from resources.clients.home import rag_home


def main() -> None:
    """Import, listen, keep workers."""
    parser = argparse.ArgumentParser(prog="python -m local_stack.warm_runs", description=__doc__)
    parser.add_argument("--idle", type=int, default=2, help="workers that wait for a run")
    parser.add_argument("--most", type=int, default=8, help="worker processes at once")
    parser.add_argument("--socket", type=int, help="descriptor of the socket that a former self opened")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    home = rag_home()
    listener = _listening(workers_socket(home)) if options.socket is None else socket.socket(fileno=options.socket)
    listener.settimeout(0)
    code = CodeState.now()  # before the imports: what changes while they go on is seen as a change
    import_ahead()

    def start_anew(socket_: socket.socket) -> None:
        socket_.set_inheritable(True)
        sizes = ["--idle", str(options.idle), "--most", str(options.most), "--socket", str(socket_.fileno())]
        os.execv(sys.executable, [sys.executable, "-P", "-m", "local_stack.warm_runs", *sizes])  # noqa: S606 - no shell

    Pool(
        listener, RunRecords(records_folder(home)), code, idle=options.idle, most=options.most, start_anew=start_anew
    ).serve()


def _listening(address: Path) -> socket.socket:
    prepare_socket_folder(address)
    address.unlink(missing_ok=True)  # a former pool's; nobody else of this home is started beside us
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(address))
    address.chmod(0o600)
    listener.listen(64)
    return listener


if __name__ == "__main__":
    main()
