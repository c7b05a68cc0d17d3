"""``python -m query_api.worker``: answer asynchronous questions until SIGTERM or SIGINT.

The embedding model is loaded by the first question, so that a worker whose queue stays empty costs little.
"""

import asyncio
import logging
import logging.config
import signal
import sys
from typing import TYPE_CHECKING

from rag_core.errors import RagError

if TYPE_CHECKING:
    from query_api.queued.worker import Worker
    from resources.clients.heartbeat import Heartbeat

_BEAT_EVERY_S = 5.0


def main() -> int:
    """Work with the settings of the environment; a wrong setting is one line and exit code 1."""
    from query_api.connections import Connections
    from query_api.observing.logs import log_config
    from query_api.observing.metrics_port import exported
    from query_api.queued.worker import Worker
    from resources.clients.heartbeat import Heartbeat
    from resources.clients.settings import load_settings

    try:
        settings = load_settings()
        settings.require("database_url")
    except RagError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    logging.config.dictConfig(log_config(settings.log_format))
    logging.getLogger("query_api.queued").setLevel(logging.INFO)
    connections = Connections(settings)
    try:
        with exported(connections.telemetry.metrics.registry, settings.worker_metrics):
            asyncio.run(run_until_signalled(Worker(connections), Heartbeat(settings.heartbeat)))
    except RagError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    finally:
        connections.close()
    return 0


async def run_until_signalled(worker: "Worker", heartbeat: "Heartbeat | None" = None) -> None:
    """Run the worker until the process is asked to end; a worker whose lanes ended has ended itself."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    beating = asyncio.create_task(_beat(heartbeat))
    try:
        await worker.run(stop)
    finally:
        beating.cancel()


async def _beat(heartbeat: "Heartbeat | None") -> None:
    """Touch the sign of life for as long as the event loop goes round."""
    while heartbeat is not None:
        await asyncio.to_thread(heartbeat.touch)
        await asyncio.sleep(_BEAT_EVERY_S)


if __name__ == "__main__":
    sys.exit(main())
