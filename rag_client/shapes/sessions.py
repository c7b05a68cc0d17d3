"""Projects, sessions and messages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rag_client.shapes.citations import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder of sessions; ``sessions`` is how many lie in it."""

    id: str
    title: str
    created_at: datetime
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectPage:
    """Projects, the newest first."""

    projects: tuple[Project, ...]
    next_before: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A conversation; ``turns`` is how many questions were asked in it."""

    id: str
    project_id: str | None
    title: str
    collections: tuple[str, ...]
    turns: int
    created_at: datetime
    active_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPage:
    """Sessions, the newest first."""

    sessions: tuple[Session, ...]
    next_before: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCitation:
    """What an answer cited; the text itself is not stored."""

    number: int
    document_id: str
    version: str
    uri: str
    title: str
    heading_path: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A question or an answer; ``content`` is None where it is withheld."""

    number: int
    turn: int
    role: str
    status: str
    content: str | None
    withheld: bool
    collection: str | None
    standalone: str | None
    citations: tuple[StoredCitation, ...]
    generation: Mapping[str, Any]
    usage: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePage:
    """Messages in order."""

    messages: tuple[Message, ...]
    next_after: int | None
