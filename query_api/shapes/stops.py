"""Stops as users see them: why a source or stream waits for a person, and the command that lets it go on."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from resources.clients.catalog.values import Stop


class StoppedSource(BaseModel):
    """A source or stream that waits for a person; `rag sources confirm` lets it go on."""

    stop: int
    source: str
    kind: str
    reason: str
    remedy: str = Field(examples=["rag sources confirm handbook inbox"])
    detail: dict[str, Any]
    stopped_at: datetime


def stopped(stop: Stop) -> StoppedSource:
    """Return a stop as users see it."""
    return StoppedSource(
        stop=stop.id,
        source=stop.source,
        kind=stop.kind.value,
        reason=stop.reason,
        remedy=f"rag sources confirm {stop.collection} {stop.source}",
        detail=dict(stop.detail),
        stopped_at=stop.stopped_at,
    )
