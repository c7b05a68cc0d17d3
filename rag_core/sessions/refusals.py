"""What is refused of a conversation, and why."""

from uuid import UUID

from rag_core.errors import InvalidRequest, RagError


class UnknownProject(InvalidRequest):
    """There is no such project, or it is another caller's: nobody can tell which."""

    def __init__(self, project_id: UUID) -> None:
        super().__init__(f"There is no project {project_id}.", remedy="GET /v1/projects lists those there are.")


class UnknownSession(InvalidRequest):
    """There is no such session, or it is another caller's: nobody can tell which."""

    def __init__(self, session_id: UUID) -> None:
        super().__init__(f"There is no session {session_id}.", remedy="GET /v1/sessions lists those there are.")


class LimitReached(InvalidRequest):
    """There are as many as there may be."""


class SessionBusy(RagError):
    """A question of the session is being answered now; the next one may depend on its answer."""

    def __init__(self) -> None:
        super().__init__(
            "Another question of this session is being answered.", remedy="Wait for its answer, then ask again."
        )


class TurnLost(RagError):
    """The session was deleted, or taken over by another question, while this one was being answered."""

    def __init__(self) -> None:
        super().__init__(
            "The session changed while the answer was being made; the answer is not stored in it.",
            remedy="Ask again, in a session that exists.",
        )
