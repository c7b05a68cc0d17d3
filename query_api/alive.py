"""``python -m query_api.alive``: exit code 0 while the API of this machine answers; an image's health check."""

import os
import sys
import urllib.error
import urllib.request

TIMEOUT_S = 4.0


def main() -> int:
    """Ask ``/healthz`` at ``RAG_API_PORT``, over loopback; reads no other setting and loads nothing else."""
    url = f"http://127.0.0.1:{os.environ.get('RAG_API_PORT') or 8000}/healthz"
    try:
        # Never through a proxy that the environment names: it would look on its own machine.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=TIMEOUT_S):
            return 0
    except (urllib.error.URLError, OSError) as error:
        sys.stderr.write(f"{url}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
