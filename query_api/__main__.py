"""``python -m query_api``: serve on RAG_API_HOST until told to stop."""

import sys
from types import FrameType

from rag_core.errors import RagError


def main() -> int:
    """Run the server with the settings of the environment; a wrong setting is one line and exit code 1."""
    import uvicorn

    from query_api.app import create_app
    from query_api.observing.logs import log_config
    from resources.clients.settings import load_settings

    try:
        settings = load_settings()
        app = create_app(settings)
    except RagError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    config = uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        log_config=log_config(settings.log_format),
        access_log=False,  # the API writes its own lines
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
        h11_max_incomplete_event_size=64 * 1024,
    )

    class Server(uvicorn.Server):
        """Ends open event streams when it is asked to stop; it would wait for their clients otherwise."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            app.state.connections.end_streams()
            super().handle_exit(sig, frame)

    Server(config).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
