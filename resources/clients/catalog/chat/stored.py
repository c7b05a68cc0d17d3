"""Messages and sessions as rows, and the lock under which a caller's limits are counted."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Connection, Row, text

from rag_core.identity import Json
from rag_core.sessions.values import ChatMessage, CitedPlace, NewMessage, Role, Session, TurnStatus

SESSION_COLUMNS = "session_id, project_id, title, collections, turns, created_at, active_at"


def lock_owner(connection: Connection, owner: str) -> None:
    """Take a caller's turn until the end of the transaction: two requests cannot both take the last free place."""
    connection.execute(_LOCK, {"name": f"sessions/{owner}"})


def session_of(row: Row[Any]) -> Session:
    """Return a session from its row."""
    return Session(
        id=row.session_id,
        project_id=row.project_id,
        title=row.title,
        collections=tuple(row.collections),
        turns=row.turns,
        created_at=row.created_at,
        active_at=row.active_at,
    )


def message_of(row: Row[Any]) -> ChatMessage:
    """Return a message from its row."""
    details = cast("Mapping[str, Any]", row.details)
    seen_as = details.get("seen_as")
    return ChatMessage(
        number=row.number,
        created_at=row.created_at,
        said=NewMessage(
            role=Role(row.role),
            content=row.content,
            collection=row.collection,
            status=TurnStatus(row.status),
            standalone=details.get("standalone"),
            seen_as=None if seen_as is None else tuple(seen_as),
            citations=tuple(_place_of(place) for place in details.get("citations", ())),
            generation=details.get("generation", {}),
            usage=details.get("usage", {}),
        ),
    )


def message_row(session_id: UUID, number: int, said: NewMessage) -> dict[str, Any]:
    """Return a message as the parameters of its row."""
    details: dict[str, Json] = {
        "standalone": said.standalone,
        "seen_as": None if said.seen_as is None else list(said.seen_as),
        "citations": [_stored_place(place) for place in said.citations],
        "generation": dict(said.generation),
        "usage": dict(said.usage),
    }
    return {
        "session_id": session_id,
        "number": number,
        "role": said.role.value,
        "status": said.status.value,
        "collection": said.collection,
        "content": storable_text(said.content),
        "details": json.dumps(_storable(details)),
    }


def storable_text(value: str) -> str:
    """Return the text without what PostgreSQL cannot store: NUL, and halves of characters."""
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def _storable(value: Json) -> Json:
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, Mapping):
        return {storable_text(name): _storable(each) for name, each in value.items()}
    if isinstance(value, Sequence):
        return [_storable(each) for each in value]
    return value


def _stored_place(place: CitedPlace) -> dict[str, Json]:
    return {
        "number": place.number,
        "document_id": place.document_id,
        "version": place.version,
        "start": place.start,
        "end": place.end,
        "uri": place.uri,
        "title": place.title,
        "heading_path": list(place.heading_path),
    }


def _place_of(stored: Mapping[str, Any]) -> CitedPlace:
    return CitedPlace(
        number=stored["number"],
        document_id=stored["document_id"],
        version=stored["version"],
        start=stored["start"],
        end=stored["end"],
        uri=stored["uri"],
        title=stored["title"],
        heading_path=tuple(stored["heading_path"]),
    )


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 7264915033))")
