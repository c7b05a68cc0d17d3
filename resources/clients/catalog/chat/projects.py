"""Projects: a caller's folders of sessions; deleting one deletes what lies in it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from rag_core.sessions.refusals import LimitReached, UnknownProject
from rag_core.sessions.values import LIMITS, Project, SessionLimits
from resources.clients.catalog.chat.stored import lock_owner
from resources.clients.catalog.database import Database


class Projects:
    """A caller's projects; another's are unknown, in the same words as those that never were."""

    def __init__(self, database: Database, *, limits: SessionLimits = LIMITS) -> None:
        self._database = database
        self._limits = limits

    def create(self, owner: str, project_id: UUID, *, title: str) -> Project:
        """Make a project; raises ``LimitReached``."""
        with self._database.transaction() as connection:
            lock_owner(connection, owner)
            held = connection.execute(_COUNT, {"owner": owner}).scalar_one()
            if held >= self._limits.projects:
                raise LimitReached(
                    f"There are {held} projects, as many as one key may have.", remedy="Delete one that is done with."
                )
            connection.execute(_INSERT, {"id": project_id, "owner": owner, "title": title})
            return _known(connection, owner, project_id)

    def get(self, owner: str, project_id: UUID) -> Project:
        """Return a project; raises ``UnknownProject``."""
        with self._database.transaction() as connection:
            return _known(connection, owner, project_id)

    def list(self, owner: str, *, before: UUID | None, limit: int) -> Sequence[Project]:
        """Return projects, the newest first; those made before the one with the id ``before``."""
        with self._database.transaction() as connection:
            rows = connection.execute(_LIST, {"owner": owner, "before": before, "limit": limit}).all()
        return [_project(row) for row in rows]

    def rename(self, owner: str, project_id: UUID, *, title: str) -> Project:
        """Give a project another title; raises ``UnknownProject``."""
        with self._database.transaction() as connection:
            connection.execute(_RENAME, {"id": project_id, "owner": owner, "title": title})
            return _known(connection, owner, project_id)

    def delete(self, owner: str, project_id: UUID) -> int:
        """Delete a project with its sessions and their messages, and say how many sessions; or ``UnknownProject``."""
        with self._database.transaction() as connection:
            lock_owner(connection, owner)  # no session can be put into it meanwhile
            _known(connection, owner, project_id)
            sessions = connection.execute(_DELETE_SESSIONS, {"id": project_id}).scalars().all()
            connection.execute(_DELETE_MESSAGES, {"sessions": list(sessions)})
            connection.execute(_DELETE, {"id": project_id})
        return len(sessions)


def _known(connection: Connection, owner: str, project_id: UUID) -> Project:
    row = connection.execute(_GET, {"id": project_id, "owner": owner}).one_or_none()
    if row is None:
        raise UnknownProject(project_id)
    return _project(row)


def _project(row: Row[Any]) -> Project:
    return Project(id=row.project_id, title=row.title, created_at=row.created_at, sessions=row.sessions)


_COUNT = text("SELECT count(*) FROM chat_projects WHERE owner = :owner")

_INSERT = text("INSERT INTO chat_projects (project_id, owner, title) VALUES (:id, :owner, :title)")

_SHOWN = """
SELECT p.project_id, p.title, p.created_at,
       (SELECT count(*) FROM chat_sessions s WHERE s.project_id = p.project_id) AS sessions
FROM chat_projects p WHERE p.owner = :owner
"""

_GET = text(f"{_SHOWN} AND p.project_id = :id")

_LIST = text(f"""
{_SHOWN} AND (CAST(:before AS uuid) IS NULL OR p.project_id < :before) ORDER BY p.project_id DESC LIMIT :limit
""")

_RENAME = text("UPDATE chat_projects SET title = :title WHERE project_id = :id AND owner = :owner")

_DELETE = text("DELETE FROM chat_projects WHERE project_id = :id")

_DELETE_SESSIONS = text("DELETE FROM chat_sessions WHERE project_id = :id RETURNING session_id")

_DELETE_MESSAGES = text("DELETE FROM chat_messages WHERE session_id = ANY(CAST(:sessions AS uuid[]))")
