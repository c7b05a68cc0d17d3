"""What a conversation is made of: plain values, without storage."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from rag_core.callers import Caller, Scope
from rag_core.identity import Json

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62


class Role(StrEnum):
    """Who said a message."""

    USER = "user"
    ASSISTANT = "assistant"


class TurnStatus(StrEnum):
    """What became of a question; both messages of a turn carry it."""

    ANSWERED = "answered"
    ABSTAINED = "abstained"
    CANCELLED = "cancelled"
    """The client left before the answer was made: the question stands alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """What one caller may keep."""

    projects: int = 100
    sessions: int = 2_000
    sessions_of_project: int = 200
    turns: int = 500
    collections: int = 8
    title_characters: int = 200
    answer_characters: int = 100_000


LIMITS = SessionLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder of sessions; it belongs to one key."""

    id: UUID
    title: str
    created_at: datetime
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A conversation with some collections; ``turns`` counts its questions, those that retention dropped included."""

    id: UUID
    project_id: UUID | None
    title: str
    collections: tuple[str, ...]
    turns: int
    created_at: datetime
    active_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CitedPlace:
    """What an answer cited under a number: a reference, never the text itself."""

    number: int
    document_id: str
    version: str
    start: int
    end: int
    uri: str
    title: str
    heading_path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message before it is stored.

    ``standalone`` is what was looked up instead of a follow-up question. ``seen_as`` are the groups through whose eyes
    the documents were looked at for an answer, and the talk before for a question; ``None`` for someone who sees all.
    """

    role: Role
    content: str
    collection: str
    status: TurnStatus
    standalone: str | None = None
    seen_as: tuple[str, ...] | None = None
    citations: tuple[CitedPlace, ...] = ()
    generation: Mapping[str, Json] = field(default_factory=dict[str, Json])
    usage: Mapping[str, Json] = field(default_factory=dict[str, Json])


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """A message as it is stored; ``number`` is its place in its session, a question's is odd."""

    number: int
    created_at: datetime
    said: NewMessage

    @property
    def turn(self) -> int:
        """The number of its question and answer in the session, from 1."""
        return (self.number + 1) // 2


def owner_of(caller: Caller) -> str:
    """Return under whose name a caller's conversations are kept: a key that takes over from another has them, too."""
    return caller.namespace


def is_shown_to(caller: Caller, said: NewMessage) -> bool:
    """Say whether the caller may still read an answer: its collection, with no less groups than it was made for.

    A question is its asker's own words and is always shown.
    """
    if said.role is Role.USER:
        return True
    return caller.may(Scope.READ, said.collection) and caller.still_sees(said.seen_as)


def standalone_shown_to(caller: Caller, said: NewMessage, collections: Iterable[str]) -> str | None:
    """Return what was looked up instead of a question, None where the caller may not read it any more.

    It has words of the talk before it, whose answers may be of any of the session's ``collections``: all of them must
    still be the caller's, with no less groups than the question was asked with.
    """
    may_read = all(caller.may(Scope.READ, each) for each in collections) and caller.still_sees(said.seen_as)
    return said.standalone if may_read else None


def still_shown(
    caller: Caller, messages: Iterable[ChatMessage], collections: Collection[str]
) -> tuple[ChatMessage, ...]:
    """Return the messages of a session, as far as they may be read, or given to a model, on behalf of the caller."""
    return tuple(
        replace(message, said=replace(message.said, standalone=standalone_shown_to(caller, message.said, collections)))
        for message in messages
        if is_shown_to(caller, message.said)
    )


def new_id(*, now_ms: int, randomness: bytes) -> UUID:
    """Return a UUID of version 7 (RFC 9562): later ones sort behind; ``randomness`` are ten bytes nobody can guess."""
    bits = int.from_bytes(randomness[:10], "big")
    return UUID(int=now_ms << 80 | _VERSION_7 | (bits >> 62 & 0xFFF) << 64 | _VARIANT | bits & (1 << 62) - 1)
