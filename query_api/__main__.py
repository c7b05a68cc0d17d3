"""``python -m query_api``: serve on loopback until told to stop."""

import sys

from rag_core.errors import RagError

LOOPBACK = "127.0.0.1"


def main() -> int:
    """Run the server with the settings of the environment; a wrong setting is one line and exit code 1."""
    import uvicorn

    from query_api.app import create_app
    from resources.clients.settings import load_settings

    try:
        settings = load_settings()
        app = create_app(settings)
    except RagError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    uvicorn.run(
        app,
        host=LOOPBACK,
        port=settings.api_port,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
        h11_max_incomplete_event_size=64 * 1024,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
