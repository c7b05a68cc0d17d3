"""A source that waits for a person: why, and the command that lets it through."""

from rag_core.errors import Permanent
from resources.clients.catalog.values import Stop


class SourceStopped(Permanent):
    """A source waits for a person: nothing of it is deleted until then."""


def stopped_error(stops: list[Stop]) -> SourceStopped:
    """Return the error that says why sources wait and what the person does."""
    reasons = "; ".join(f"source {stop.source!r} of {stop.collection!r} stopped: {stop.reason}" for stop in stops)
    commands = " or ".join(f"`rag sources confirm {stop.collection} {stop.source}`" for stop in stops)
    return SourceStopped(
        f"{reasons}.".replace("..", "."), remedy=f"Put back what is missing, or let it through: {commands}."
    )
