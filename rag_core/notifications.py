"""What a source says of the queue that hears of its bucket's changes; validated values.

A notification is a hint to look, so a queue is never the truth about a bucket: the source's sweep is, and it finds
whatever a queue missed.
"""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from rag_core.metadata_rules import Declared
from rag_core.names import EnvironmentName

_SHAPE = "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"
_PATH = re.compile(r"(?:/[A-Za-z0-9_.-]+){1,8}")
_MAX_URL_CHARS = 1024


def usable_queue_url(url: str) -> str:
    """Return a queue's URL if it is one; raises ``ValueError`` that says what to write in its place."""
    if url.startswith("arn:"):
        message = f"is the queue's ARN, its URL is needed: {_SHAPE}"
        raise ValueError(message)
    parts = urlsplit(url)
    is_plain = parts.hostname and not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in {"https", "http"} or not is_plain or not _PATH.fullmatch(parts.path):
        message = f"is no queue's URL: {_SHAPE}"
        raise ValueError(message)
    if len(url) > _MAX_URL_CHARS:
        message = f"is longer than {_MAX_URL_CHARS} characters"
        raise ValueError(message)
    return url


QueueUrl = Annotated[str, AfterValidator(usable_queue_url)]


class SqsNotifications(Declared):
    """An Amazon SQS queue that S3, EventBridge or SNS sends a bucket's events to; several sources may share one."""

    queue_url: QueueUrl | None = None
    queue_url_env: EnvironmentName | None = Field(default=None, description="Variable that holds the queue's URL.")
    region: str | None = Field(
        default=None, pattern=r"^[a-z]{2,}(-[a-z0-9]+)+$", description="Left out: the URL's, else AWS_REGION."
    )
    max_receives: int = Field(
        default=5, ge=1, le=1000, description="After so many a message that cannot be recorded is a dead letter."
    )

    @model_validator(mode="after")
    def _one_url(self) -> "SqsNotifications":
        if (self.queue_url is None) == (self.queue_url_env is None):
            message = "give the queue by one of queue_url and queue_url_env"
            raise ValueError(message)
        return self


class Notifications(Declared):
    """Where a bucket's changes are announced."""

    sqs: SqsNotifications
