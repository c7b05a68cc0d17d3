"""Turns of a session: one question at a time, stored with its answer or not at all.

1. ``begin`` holds the session for ``HELD_S``; whoever answers renews it. A second question is refused meanwhile: it
   may lean on the answer that is being made, and could only be rewritten without it. A process that dies stops
   renewing, and the session is free again by itself.
2. ``finish`` stores question and answer in one transaction, with one time: a crash stores neither, and no month keeps
   half of a turn. Only the question that holds the session can be stored, so numbers follow the order of answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from rag_core.sessions.refusals import LimitReached, SessionBusy, TurnLost, UnknownSession
from rag_core.sessions.values import LIMITS, ChatMessage, NewMessage, Session, SessionLimits
from resources.clients.catalog.chat.keeping import Keeping
from resources.clients.catalog.chat.stored import (
    SESSION_COLUMNS,
    message_of,
    message_row,
    session_of,
    storable_text,
)
from resources.clients.catalog.database import Database
from resources.clients.catalog.values import CatalogError

HELD_S = 15.0
REMEMBERED_MESSAGES = 20
_TITLE_CHARACTERS = 80
_NO_PARTITION = "23514"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTurn:
    """The right to store the next question of a session; ``history`` is the end of the talk before it, in order."""

    session: Session
    holder: UUID
    history: tuple[ChatMessage, ...]


class Turns:
    """Begins, renews and ends turns."""

    def __init__(self, database: Database, keeping: Keeping, *, limits: SessionLimits = LIMITS) -> None:
        self._database = database
        self._keeping = keeping
        self._limits = limits

    def begin(self, owner: str, session_id: UUID, *, holder: UUID | None = None, held_s: float = HELD_S) -> HeldTurn:
        """Hold a session in the name of ``holder``; raises ``UnknownSession``, ``SessionBusy`` or ``LimitReached``."""
        holder = holder or uuid4()
        asked = {"id": session_id, "owner": owner, "holder": holder, "held_s": held_s}
        with self._database.transaction() as connection:
            row = connection.execute(_BEGIN, asked).one_or_none()
            if row is None:
                if connection.execute(_EXISTS, asked).scalar_one_or_none() is None:
                    raise UnknownSession(session_id)
                raise SessionBusy
            if row.turns >= self._limits.turns:
                raise LimitReached(
                    f"The session has {row.turns} questions, as many as one may have.", remedy="Start another."
                )
            last = connection.execute(_LAST, {"id": session_id, "limit": REMEMBERED_MESSAGES}).all()
        history = tuple(message_of(each) for each in reversed(last))
        return HeldTurn(session=session_of(row), holder=holder, history=history)

    def renew(self, turn: HeldTurn, *, held_s: float = HELD_S) -> bool:
        """Hold the session for longer; say whether it was still held."""
        asked = {"id": turn.session.id, "holder": turn.holder, "held_s": held_s}
        with self._database.transaction() as connection:
            return connection.execute(_RENEW, asked).rowcount > 0

    def finish(self, turn: HeldTurn, said: Sequence[NewMessage]) -> int:
        """Store a question, with its answer where there is one, and give the session back; return the turn's number.

        Raises ``TurnLost`` when the session is gone or held by another question; then nothing is stored.
        """
        try:
            return self._finished(turn, said)
        except CatalogError as error:
            if error.sqlstate != _NO_PARTITION:
                raise
        self._keeping.prepare()
        return self._finished(turn, said)

    def release(self, session_id: UUID, holder: UUID) -> None:
        """Give a session back whose question got no answer; nothing is stored, nothing of another holder changes."""
        with self._database.transaction() as connection:
            connection.execute(_RELEASE, {"id": session_id, "holder": holder})

    def _finished(self, turn: HeldTurn, said: Sequence[NewMessage]) -> int:
        with self._database.transaction() as connection:
            number = self._counted(connection, turn, said[0])
            rows = [
                message_row(turn.session.id, 2 * number - 1 + offset, message) for offset, message in enumerate(said)
            ]
            connection.execute(_INSERT, rows)
        return number

    def _counted(self, connection: Connection, turn: HeldTurn, question: NewMessage) -> int:
        title = " ".join(question.content.split())[:_TITLE_CHARACTERS]
        asked = {"id": turn.session.id, "holder": turn.holder, "title": storable_text(title)}
        number = connection.execute(_COUNTED, asked).scalar_one_or_none()
        if number is None:
            raise TurnLost
        return number


_BEGIN = text(f"""
UPDATE chat_sessions SET held_by = :holder, held_until = now() + make_interval(secs => :held_s), active_at = now()
WHERE session_id = :id AND owner = :owner AND (held_by IS NULL OR held_until <= now())
RETURNING {SESSION_COLUMNS}
""")  # noqa: S608 - a constant of the catalog

_EXISTS = text("SELECT 1 FROM chat_sessions WHERE session_id = :id AND owner = :owner")

_LAST = text("""
SELECT number, created_at, role, status, collection, content, details FROM chat_messages
WHERE session_id = :id ORDER BY number DESC LIMIT :limit
""")

_RENEW = text("""
UPDATE chat_sessions SET held_until = now() + make_interval(secs => :held_s)
WHERE session_id = :id AND held_by = :holder
""")

_RELEASE = text("""
UPDATE chat_sessions SET held_by = NULL, held_until = NULL WHERE session_id = :id AND held_by = :holder
""")

_COUNTED = text("""
UPDATE chat_sessions SET turns = turns + 1, active_at = now(), held_by = NULL, held_until = NULL,
    title = CASE title WHEN '' THEN :title ELSE title END
WHERE session_id = :id AND held_by = :holder RETURNING turns
""")

_INSERT = text("""
INSERT INTO chat_messages (session_id, number, role, status, collection, content, details)
VALUES (:session_id, :number, :role, :status, :collection, :content, CAST(:details AS jsonb))
""")
