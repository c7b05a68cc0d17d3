"""What a producer is handed, one after the other: a message to send, or something that is none, and why."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to send; ``where`` it came from is for errors, ``mark`` is the event id to go on behind."""

    key: bytes | None
    value: bytes
    where: str
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadInput:
    """Something that should be a message and cannot be: an error, unless such things are to be skipped."""

    where: str
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Something that nobody expects to be sent, such as a hidden file."""

    where: str
    reason: str


Item: TypeAlias = Outgoing | BadInput | LeftOut
