"""Sources that are not swept, as users see them: it is tried again by itself, and nothing waits for a person."""

from datetime import datetime

from pydantic import BaseModel, Field

from resources.clients.catalog.values import SweepTrouble


class FailingSource(BaseModel):
    """A source whose sweeps fail, or do not happen: what is new, changed or deleted there may be unseen."""

    source: str
    reason: str
    since: datetime
    swept_at: datetime | None = Field(description="When its last complete sweep ended; null where none ever was.")


def failing_source(trouble: SweepTrouble) -> FailingSource:
    """Return a source that is not swept as users see it."""
    return FailingSource(source=trouble.source, reason=trouble.reason, since=trouble.since, swept_at=trouble.swept_at)
