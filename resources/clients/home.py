"""Where the state of a local stack lies, and what a running stack says about itself there.

Reads only the standard library, so that quick commands need not load the settings' machinery.
"""

import json
import os
from pathlib import Path
from typing import Any, cast


def rag_home() -> Path:
    """Return the absolute folder of all state: ``RAG_HOME``, or ``.rag`` in the working directory."""
    return Path(os.environ.get("RAG_HOME") or ".rag").expanduser().absolute()


def stack_file(home: Path) -> Path:
    """Return the path of the file (0600) in which a running stack keeps its addresses, keys and parts."""
    return home / "stack.json"


def read_stack(home: Path) -> dict[str, Any]:
    """Return what the stack in ``home`` wrote about itself; empty if none runs there."""
    try:
        content = json.loads(stack_file(home).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return {}
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}
