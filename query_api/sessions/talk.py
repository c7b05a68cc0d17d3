"""What was said before, in the three forms it has: stored, sent by a client, given to a model."""

from collections.abc import Sequence
from datetime import UTC, datetime

from query_api.answering.asking import Ask
from rag_core.answering.generation import ChatTurn
from rag_core.citations import Place
from rag_core.sessions.values import ChatMessage, CitedPlace, NewMessage, Role, TurnStatus


def cited(number: int, place: Place) -> CitedPlace:
    """Return what is stored of a citation: where it stands, never the text."""
    return CitedPlace(
        number=number,
        document_id=place.document_id,
        version=place.version,
        start=place.start,
        end=place.end,
        uri=place.uri,
        title=place.title,
        heading_path=place.heading_path,
    )


def talk(history: Sequence[ChatMessage]) -> tuple[ChatTurn, ...]:
    """Return the talk as a model is given it: questions that got no answer, and empty answers, are left out."""
    answered = {message.turn for message in history if message.said.status is TurnStatus.ANSWERED}
    return tuple(
        ChatTurn(role=message.said.role.value, content=message.said.content)
        for message in history
        if message.turn in answered
    )


def said_before(ask: Ask) -> list[ChatMessage]:
    """Return the talk that a client sent, as if it were a session's."""
    now = datetime.now(UTC)
    sent = [turn for turn in ask.history if turn.role != "system"]
    return [
        ChatMessage(
            number=number,
            created_at=now,
            said=NewMessage(
                role=Role(turn.role), content=turn.content, collection=ask.collection, status=TurnStatus.ANSWERED
            ),
        )
        for number, turn in enumerate(sent, start=1)
    ]
