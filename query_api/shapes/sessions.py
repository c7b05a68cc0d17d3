"""Projects, sessions and messages as they are asked for and shown."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from query_api.rights import seen_names
from query_api.shapes.citations import Span
from query_api.shapes.text import CollectionName, Line
from rag_core.callers import Caller
from rag_core.sessions.values import (
    LIMITS,
    ChatMessage,
    CitedPlace,
    Project,
    Role,
    Session,
    TurnStatus,
    is_shown_to,
    standalone_shown_to,
)

Title = Annotated[Line, StringConstraints(strip_whitespace=True, max_length=LIMITS.title_characters)]
NamedTitle = Annotated[Title, StringConstraints(min_length=1)]


class ProjectRequest(BaseModel):
    """A project's title."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"title": "Moving to the new office"}]})

    title: NamedTitle


class ProjectShape(BaseModel):
    """A folder of sessions."""

    id: UUID
    title: str
    created_at: datetime
    sessions: int = Field(description="How many sessions lie in it.")


class ProjectList(BaseModel):
    """Projects, the newest first."""

    projects: list[ProjectShape]
    next_before: UUID | None = Field(description="`before` of the next page; null on the last one.")


class SessionRequest(BaseModel):
    """A conversation to begin."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"collections": ["handbook"], "title": "Backups"}]}
    )

    collections: list[CollectionName] = Field(
        min_length=1, max_length=LIMITS.collections, description="The collections that it may ask."
    )
    title: Title = Field(default="", description="By default the beginning of the first question.")
    project_id: UUID | None = None


class SessionShape(BaseModel):
    """A conversation."""

    id: UUID
    project_id: UUID | None
    title: str
    collections: list[str] = Field(description="Those of its collections that the key may read.")
    turns: int = Field(description="Questions asked in it, those that are no longer kept included.")
    created_at: datetime
    active_at: datetime


class SessionList(BaseModel):
    """Sessions, the newest first."""

    sessions: list[SessionShape]
    next_before: UUID | None = Field(description="`before` of the next page; null on the last one.")


class StoredCitation(BaseModel):
    """What an answer cited; the text itself is not stored."""

    number: int
    document_id: str
    version: str
    uri: str
    title: str
    heading_path: list[str]
    span: Span = Field(description="Where the passage stands in the document's text.")


class MessageShape(BaseModel):
    """A question or an answer."""

    number: int = Field(description="Its place in the session; questions are odd.")
    turn: int
    role: Role
    status: TurnStatus = Field(description="What became of the question.")
    content: str | None = Field(description="null where it is withheld.")
    withheld: bool = Field(description="The key may not read any more what the answer was made from.")
    collection: str | None
    standalone: str | None = Field(description="What was looked up in place of a follow-up question.")
    citations: list[StoredCitation]
    generation: dict[str, Any]
    usage: dict[str, Any]
    created_at: datetime


class MessageList(BaseModel):
    """Messages in order."""

    messages: list[MessageShape]
    next_after: int | None = Field(description="`after` of the next page; null on the last one.")


def project_shape(project: Project) -> ProjectShape:
    """Return a project as it is shown."""
    return ProjectShape(id=project.id, title=project.title, created_at=project.created_at, sessions=project.sessions)


def project_list(projects: Sequence[Project], limit: int) -> ProjectList:
    """Return a page of projects, of which one more than ``limit`` was asked for."""
    shown = projects[:limit]
    return ProjectList(
        projects=[project_shape(each) for each in shown], next_before=shown[-1].id if len(projects) > limit else None
    )


def session_shape(session: Session, caller: Caller) -> SessionShape:
    """Return a session as the caller sees it."""
    return SessionShape(
        id=session.id,
        project_id=session.project_id,
        title=session.title,
        collections=seen_names(caller, session.collections),
        turns=session.turns,
        created_at=session.created_at,
        active_at=session.active_at,
    )


def session_list(sessions: Sequence[Session], limit: int, caller: Caller) -> SessionList:
    """Return a page of sessions, of which one more than ``limit`` was asked for."""
    shown = sessions[:limit]
    return SessionList(
        sessions=[session_shape(each, caller) for each in shown],
        next_before=shown[-1].id if len(sessions) > limit else None,
    )


def message_list(messages: Sequence[ChatMessage], limit: int, caller: Caller, session: Session) -> MessageList:
    """Return a page of a session's messages, of which one more than ``limit`` was asked for."""
    shown = messages[:limit]
    return MessageList(
        messages=[_message_shape(each, caller, session) for each in shown],
        next_after=shown[-1].number if len(messages) > limit else None,
    )


def _message_shape(message: ChatMessage, caller: Caller, session: Session) -> MessageShape:
    said = message.said
    is_shown = is_shown_to(caller, said)
    names = seen_names(caller, [said.collection])
    return MessageShape(
        number=message.number,
        turn=message.turn,
        role=said.role,
        status=said.status,
        content=said.content if is_shown else None,
        withheld=not is_shown,
        collection=names[0] if names else None,
        standalone=standalone_shown_to(caller, said, session.collections),
        citations=[_citation(place) for place in said.citations] if is_shown else [],
        generation=dict(said.generation) if is_shown else {},
        usage=dict(said.usage),
        created_at=message.created_at,
    )


def _citation(place: CitedPlace) -> StoredCitation:
    return StoredCitation(
        number=place.number,
        document_id=place.document_id,
        version=place.version,
        uri=place.uri,
        title=place.title,
        heading_path=list(place.heading_path),
        span=Span(start=place.start, end=place.end),
    )
