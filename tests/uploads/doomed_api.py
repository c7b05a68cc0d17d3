"""``python -m tests.uploads.doomed_api STEP``: the query API, which kills itself when it reaches STEP."""

import os
import signal
import sys
from typing import Any

from query_api.__main__ import main
from resources.clients.catalog.uploads import UploadTurn


def _die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    if sys.argv[1:] == ["before-recording"]:
        UploadTurn.record = _die  # pyright: ignore[reportAttributeAccessIssue] - the object is stored by then
    sys.exit(main())
