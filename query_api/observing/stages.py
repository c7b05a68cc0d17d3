"""The stages of a question, by which its time is told."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum


class Stage(StrEnum):
    """What is being waited for."""

    ENCODE = "encode"
    SEARCH = "search"
    READ = "read"
    FUSE = "fuse"
    QUOTE = "quote"
    QUEUE = "queue"
    FIRST_TOKEN = "first_token"  # noqa: S105 - of a chat model
    GENERATE = "generate"


Staged = Callable[[Stage], AbstractContextManager[object]]
"""Gives what measures a stage for as long as its block lasts."""


def unmeasured(stage: Stage) -> AbstractContextManager[object]:
    """Measure nothing."""
    del stage
    return nullcontext()
