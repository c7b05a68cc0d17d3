"""The daemon's code server, kept for as long as nothing speaks against it.

Dagster's daemon starts another one every minute, to take in code that changed. A start costs seconds of CPU, holds two
of them in memory at once, and the ticks that fall into it wait. Here it is replaced when the code or a collection file
has changed, when it died or does not answer, and once in an hour.
"""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from local_stack.warm_runs.code_state import CodeState

if TYPE_CHECKING:
    from dagster._core.remote_representation.grpc_server_registry import GrpcServerRegistry

LONGEST_S = 3600.0
_log = logging.getLogger("local_stack")


def keep_code_server(
    registry: "GrpcServerRegistry", loaded: object, look: Callable[[], object], *, longest_s: float = LONGEST_S
) -> None:
    """Let the registry give its servers up only for a reason.

    ``look`` says what a server would load now, ``loaded`` is what it said before the first one was started.
    """
    give_up = registry.clear_all_grpc_endpoints
    seen, since = loaded, time.monotonic()

    def give_up_for_a_reason() -> None:
        nonlocal seen, since
        now = look()  # before the next one is started: what changes meanwhile is seen the next time
        if now != seen:
            reason = "what it loaded has changed"
        elif time.monotonic() - since >= longest_s:
            reason = "it is old"
        elif not _are_well(registry):
            reason = "it does not answer"
        else:
            return
        _log.info("Another code server is started: %s.", reason)
        seen, since = now, time.monotonic()
        give_up()

    registry.clear_all_grpc_endpoints = give_up_for_a_reason


def code_and_collections(collections: Path) -> object:
    """Return the state of the code and of every collection file."""
    try:
        with os.scandir(collections) as entries:
            found = [(each.name, each.stat()) for each in entries if each.name.endswith((".yaml", ".yml"))]
    except FileNotFoundError:
        found = []
    return CodeState.now(), frozenset((name, stat.st_mtime_ns, stat.st_size) for name, stat in found)


def _are_well(registry: "GrpcServerRegistry") -> bool:
    """Say whether every server that is given out answers; one that could not load its code does not."""
    from dagster._core.errors import DagsterUserCodeUnreachableError

    for entry in list(registry._active_entries.values()):  # noqa: SLF001 - nothing else knows them
        process = getattr(entry, "process", None)
        if process is None:
            return False
        try:
            process.create_client().ping("")
        except DagsterUserCodeUnreachableError:
            return False
    return True
