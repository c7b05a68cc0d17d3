"""Projects, sessions and messages."""

from collections.abc import Sequence
from typing import TypeVar

from rag_client.calls import Call, given, listed
from rag_client.requests.pages import paged
from rag_client.requests.words import Id
from rag_client.shapes.sessions import (
    Message,
    MessagePage,
    Project,
    ProjectPage,
    Session,
    SessionPage,
)
from rag_client.steps import Flow, once

T = TypeVar("T")
_PROJECT = "/v1/projects/{project_id}"
_SESSION = "/v1/sessions/{session_id}"


def create_project(title: str) -> Flow[Project]:
    """Make a folder for sessions."""
    return once(Call(method="POST", path="/v1/projects", body={"title": title}, shape=Project, is_repeatable=False))


def projects(*, before: Id | None = None, page_size: int | None = None) -> Flow[Project]:
    """List the key's projects, the newest first."""
    query = given(before=None if before is None else str(before), limit=page_size)
    call = Call(method="GET", path="/v1/projects", query=query, shape=ProjectPage, is_repeatable=True)
    return paged(call, lambda page: page.projects, lambda page: _before(page.next_before))


def project(project_id: Id) -> Flow[Project]:
    """Show a project."""
    return once(_of_project("GET", project_id, Project))


def rename_project(project_id: Id, title: str) -> Flow[Project]:
    """Give a project another title."""
    at = {"project_id": str(project_id)}
    return once(Call(method="PATCH", path=_PROJECT, at=at, body={"title": title}, shape=Project, is_repeatable=True))


def delete_project(project_id: Id) -> Flow[None]:
    """Delete a project with its sessions and all their messages."""
    return once(_of_project("DELETE", project_id, type(None)))


def create_session(
    collections: Sequence[str], *, title: str | None = None, project_id: Id | None = None
) -> Flow[Session]:
    """Begin a conversation with some collections; ``ask(…, session_id=session.id)`` asks in it."""
    body = given(
        collections=listed(collections), title=title, project_id=None if project_id is None else str(project_id)
    )
    return once(Call(method="POST", path="/v1/sessions", body=body, shape=Session, is_repeatable=False))


def sessions(*, project_id: Id | None = None, before: Id | None = None, page_size: int | None = None) -> Flow[Session]:
    """List the key's sessions, or those of a project, the newest first."""
    query = given(
        project_id=None if project_id is None else str(project_id),
        before=None if before is None else str(before),
        limit=page_size,
    )
    call = Call(method="GET", path="/v1/sessions", query=query, shape=SessionPage, is_repeatable=True)
    return paged(call, lambda page: page.sessions, lambda page: _before(page.next_before))


def session(session_id: Id) -> Flow[Session]:
    """Show a session without its messages."""
    return once(_of_session("GET", session_id, Session))


def messages(session_id: Id, *, after: int | None = None, page_size: int | None = None) -> Flow[Message]:
    """List a session's questions and answers in order."""
    call = Call(
        method="GET",
        path=f"{_SESSION}/messages",
        at={"session_id": str(session_id)},
        query=given(after=after, limit=page_size),
        shape=MessagePage,
        is_repeatable=True,
    )
    return paged(
        call, lambda page: page.messages, lambda page: None if page.next_after is None else {"after": page.next_after}
    )


def delete_session(session_id: Id) -> Flow[None]:
    """Delete a session with its messages."""
    return once(_of_session("DELETE", session_id, type(None)))


def _before(next_before: str | None) -> dict[str, str] | None:
    return None if next_before is None else {"before": next_before}


def _of_project(method: str, project_id: Id, shape: type[T]) -> Call[T]:
    return Call(method=method, path=_PROJECT, at={"project_id": str(project_id)}, shape=shape, is_repeatable=True)


def _of_session(method: str, session_id: Id, shape: type[T]) -> Call[T]:
    return Call(method=method, path=_SESSION, at={"session_id": str(session_id)}, shape=shape, is_repeatable=True)
