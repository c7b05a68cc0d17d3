"""Questions that are answered later: the queue that they are, and the outbox of their notifications."""

from resources.clients.catalog.queued.answers import Answers
from resources.clients.catalog.queued.webhooks import Webhooks

__all__ = ["Answers", "Webhooks"]
