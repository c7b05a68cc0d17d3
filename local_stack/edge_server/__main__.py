"""Start the server: ``python -m local_stack.edge_server --path DIR --port N``.

It ends with 0 when asked to end (SIGTERM, SIGINT): requests in flight are finished, shards flushed and closed.
"""

import argparse
import ipaddress
import logging
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

import uvicorn

from local_stack.edge_server.app import create_app
from local_stack.edge_server.limits import MAX_CONNECTIONS
from local_stack.edge_server.manifest import UnreadableManifest
from local_stack.edge_server.ownership import AlreadyOwned, owning
from local_stack.edge_server.store import CannotOpen, Store
from local_stack.edge_server.upkeep import UpkeepRules

_log = logging.getLogger("local_stack.edge_server")
BACKLOG = 512
FINISH_REQUESTS_S = 20


def main() -> None:
    """Serve until told to stop; every reason not to start is one line on stderr and exit code 1."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    rules = UpkeepRules(optimize_after_points=arguments.optimize_after_points, quiet_s=arguments.quiet_s)
    try:
        with owning(arguments.path), _bound(arguments.host, arguments.port) as listener:
            _serve(listener, arguments.path, rules)
    except (AlreadyOwned, UnreadableManifest, CannotOpen, OSError) as error:
        sys.exit(f"error: {error}")


def _serve(listener: socket.socket, path: Path, rules: UpkeepRules) -> None:
    store = Store(path)
    try:
        store.open()
        host, port = listener.getsockname()[:2]
        app = create_app(store, rules, loopback_only=ipaddress.ip_address(host).is_loopback)
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,
            server_header=False,
            date_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=FINISH_REQUESTS_S,
            ws="none",
        )
        listener.listen(BACKLOG)
        collections = len(store.names())
        _log.info("Qdrant Edge server at http://%s:%d, %d collections in %s", host, port, collections, path)
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        store.close()


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address; raises ``OSError`` that names it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    return listener


def _end(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - a signal handler's shape
    """End with code 0; uvicorn hands the signal here once it has finished its requests."""
    sys.exit(0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local_stack.edge_server", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="folder that holds the collections")
    parser.add_argument("--port", type=int, required=True, help="TCP port; 0 takes a free one and logs it")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    rules = UpkeepRules()
    parser.add_argument(
        "--optimize-after-points",
        type=int,
        default=rules.optimize_after_points,
        help="build HNSW graphs once so many points were written",
    )
    parser.add_argument("--quiet-s", type=float, default=rules.quiet_s, help="and no write came for so many seconds")
    return parser.parse_args()


if __name__ == "__main__":
    main()
