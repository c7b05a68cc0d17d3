"""Sessions: made, listed and deleted by the caller whose they are."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from rag_core.sessions.refusals import LimitReached, UnknownProject, UnknownSession
from rag_core.sessions.values import LIMITS, ChatMessage, Session, SessionLimits
from resources.clients.catalog.chat.stored import SESSION_COLUMNS, lock_owner, message_of, session_of
from resources.clients.catalog.database import Database


class Sessions:
    """A caller's sessions; another's are unknown, in the same words as those that never were."""

    def __init__(self, database: Database, *, limits: SessionLimits = LIMITS) -> None:
        self._database = database
        self._limits = limits

    def create(
        self, owner: str, session_id: UUID, *, collections: Sequence[str], title: str, project_id: UUID | None
    ) -> Session:
        """Make a session, in a project where one is named; raises ``UnknownProject`` or ``LimitReached``."""
        with self._database.transaction() as connection:
            lock_owner(connection, owner)
            if project_id is not None:
                self._see_room_in(connection, owner, project_id)
            held = connection.execute(_COUNT, {"owner": owner}).scalar_one()
            if held >= self._limits.sessions:
                raise LimitReached(
                    f"There are {held} sessions, as many as one key may have.", remedy="Delete those done with."
                )
            row = connection.execute(
                _INSERT,
                {
                    "id": session_id,
                    "owner": owner,
                    "project_id": project_id,
                    "title": title,
                    "collections": list(collections),
                },
            ).one()
        return session_of(row)

    def get(self, owner: str, session_id: UUID) -> Session:
        """Return a session; raises ``UnknownSession``."""
        with self._database.transaction() as connection:
            return _known(connection, owner, session_id)

    def list(self, owner: str, *, project_id: UUID | None, before: UUID | None, limit: int) -> Sequence[Session]:
        """Return sessions, the newest first; those of a project, and those made before the one ``before``."""
        asked = {"owner": owner, "project_id": project_id, "before": before, "limit": limit}
        with self._database.transaction() as connection:
            return [session_of(row) for row in connection.execute(_LIST, asked)]

    def messages(self, owner: str, session_id: UUID, *, after: int, limit: int) -> Sequence[ChatMessage]:
        """Return a session's messages behind the number ``after``, in order; raises ``UnknownSession``."""
        with self._database.transaction() as connection:
            _known(connection, owner, session_id)
            rows = connection.execute(_MESSAGES, {"id": session_id, "after": after, "limit": limit}).all()
        return [message_of(row) for row in rows]

    def delete(self, owner: str, session_id: UUID) -> None:
        """Delete a session with its messages; raises ``UnknownSession``."""
        with self._database.transaction() as connection:
            if not connection.execute(_DELETE, {"id": session_id, "owner": owner}).rowcount:
                raise UnknownSession(session_id)
            connection.execute(_DELETE_MESSAGES, {"id": session_id})

    def _see_room_in(self, connection: Connection, owner: str, project_id: UUID) -> None:
        held = connection.execute(_ROOM, {"id": project_id, "owner": owner}).scalar_one_or_none()
        if held is None:
            raise UnknownProject(project_id)
        if held >= self._limits.sessions_of_project:
            raise LimitReached(
                f"The project has {held} sessions, as many as one may have.", remedy="Delete those done with."
            )


def _known(connection: Connection, owner: str, session_id: UUID) -> Session:
    row = connection.execute(_GET, {"id": session_id, "owner": owner}).one_or_none()
    if row is None:
        raise UnknownSession(session_id)
    return session_of(row)


_COUNT = text("SELECT count(*) FROM chat_sessions WHERE owner = :owner")

_ROOM = text("""
SELECT (SELECT count(*) FROM chat_sessions s WHERE s.project_id = p.project_id)
FROM chat_projects p WHERE p.project_id = :id AND p.owner = :owner
""")

_INSERT = text(f"""
INSERT INTO chat_sessions (session_id, owner, project_id, title, collections)
VALUES (:id, :owner, :project_id, :title, :collections) RETURNING {SESSION_COLUMNS}
""")  # noqa: S608 - constants of these modules

_GET = text(f"SELECT {SESSION_COLUMNS} FROM chat_sessions WHERE session_id = :id AND owner = :owner")  # noqa: S608

_LIST = text(f"""
SELECT {SESSION_COLUMNS} FROM chat_sessions
WHERE owner = :owner AND (CAST(:project_id AS uuid) IS NULL OR project_id = :project_id)
  AND (CAST(:before AS uuid) IS NULL OR session_id < :before)
ORDER BY session_id DESC LIMIT :limit
""")  # noqa: S608 - constants of these modules

_MESSAGES = text("""
SELECT number, created_at, role, status, collection, content, details FROM chat_messages
WHERE session_id = :id AND number > :after ORDER BY number LIMIT :limit
""")

_DELETE = text("DELETE FROM chat_sessions WHERE session_id = :id AND owner = :owner")

_DELETE_MESSAGES = text("DELETE FROM chat_messages WHERE session_id = :id")
