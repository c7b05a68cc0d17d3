"""One SQS queue: received in batches by long polling, deleted once the caller says that all is recorded.

What is received stays invisible to others for ``VISIBLE_AFTER_S``; a reader that dies gives it back by that.
"""

# botocore has no types:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from resources.clients.aws.connecting import aws_client, translating_aws
from resources.clients.catalog.values import QueueFigures

VISIBLE_AFTER_S = 120
"""Longer than a reading takes from receiving to deleting; what comes again for all that is no new arrival."""

MOST_AT_ONCE = 10
"""What SQS gives, and deletes, in one request."""

_LONGEST_WAIT_S = 20
_NO_QUEUE = "Make the queue, or correct queue_url and region."
_MISSING = {
    "AWS.SimpleQueueService.NonExistentQueue": _NO_QUEUE,
    "QueueDoesNotExist": _NO_QUEUE,
    "com.amazonaws.sqs#QueueDoesNotExist": _NO_QUEUE,
}
_RIGHTS = "sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility and sqs:GetQueueAttributes"
_REGION_OF_HOST = re.compile(r"(?:sqs(?:-fips)?\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.amazonaws\.com(?:\.cn)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedMessage:
    """A message as it was received; ``receives`` counts this time, ``sent_ms`` is 0 where SQS does not say."""

    id: str
    receipt: str
    body: bytes
    sent_ms: int
    receives: int


class SqsQueue:
    """A queue by its URL; connects at first use. Every method raises ``DependencyUnavailable`` while SQS is away.

    ``ConfigurationError`` says that there is no such queue, no credentials, or no botocore.
    """

    def __init__(self, url: str, *, region: str | None = None) -> None:
        self._url = url
        parts = urlsplit(url)
        self._endpoint = f"{parts.scheme}://{parts.netloc}"
        self._region = region or region_of_host(parts.hostname or "")
        self.name = parts.path.strip("/")
        self.address = f"{parts.netloc}/{self.name}"
        """Which queue it is, of all hosts: a region's, an account's."""
        self._what = f"SQS queue {self.name}"
        self._opened: Any = None

    @property
    def url(self) -> str:
        """The queue's URL."""
        return self._url

    def receive(self, *, wait_s: float) -> list[QueuedMessage]:
        """Return up to ten messages, waiting up to ``wait_s`` (20 at most) for the first."""
        client = self._client()
        with translating_aws(self._what, doing=f"receive from {self._what}", missing=_MISSING, right=_RIGHTS):
            answer = client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=MOST_AT_ONCE,
                WaitTimeSeconds=min(_LONGEST_WAIT_S, int(wait_s)),
                VisibilityTimeout=VISIBLE_AFTER_S,
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            )
        return [_message(each) for each in answer.get("Messages", [])]

    def delete(self, messages: Sequence[QueuedMessage]) -> int:
        """Delete messages that are recorded; return how many SQS did not delete: those come again."""
        return self._each_ten(messages, "delete_message_batch", "delete from", {})

    def give_back(self, messages: Sequence[QueuedMessage], *, after_s: int) -> int:
        """Let messages be received again after some seconds; return for how many SQS refused that."""
        return self._each_ten(
            messages, "change_message_visibility_batch", "give back to", {"VisibilityTimeout": after_s}
        )

    def figures(self) -> QueueFigures:
        """Return how many messages wait and are being read, about."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._attributes(names)
        return QueueFigures(waiting=int(found.get(names[0], 0)), in_flight=int(found.get(names[1], 0)))

    def has_redrive_policy(self) -> bool:
        """Say whether SQS itself moves messages elsewhere that were received too often."""
        return bool(self._attributes(["RedrivePolicy"]).get("RedrivePolicy"))

    def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _attributes(self, names: Sequence[str]) -> dict[str, str]:
        client = self._client()
        with translating_aws(self._what, doing=f"look at {self._what}", missing=_MISSING, right=_RIGHTS):
            return client.get_queue_attributes(QueueUrl=self._url, AttributeNames=list(names)).get("Attributes", {})

    def _each_ten(self, messages: Sequence[QueuedMessage], method: str, doing: str, more: dict[str, int]) -> int:
        client = self._client()
        failed = 0
        for start in range(0, len(messages), MOST_AT_ONCE):
            entries = [
                {"Id": str(index), "ReceiptHandle": each.receipt, **more}
                for index, each in enumerate(messages[start : start + MOST_AT_ONCE])
            ]
            with translating_aws(self._what, doing=f"{doing} {self._what}", missing=_MISSING, right=_RIGHTS):
                answer = getattr(client, method)(QueueUrl=self._url, Entries=entries)
            failed += len(answer.get("Failed", []))
        return failed

    def _client(self) -> Any:
        if self._opened is None:
            # The queue's own URL says where it is: AWS_ENDPOINT_URL may be that of another store's S3.
            self._opened = aws_client(
                "sqs",
                needed_for=f"Reading the {self._what}",
                region=self._region,
                endpoint=os.environ.get("AWS_ENDPOINT_URL_SQS") or self._endpoint,
                read_timeout_s=_LONGEST_WAIT_S + 10,
            )
        return self._opened


def region_of_host(host: str) -> str | None:
    """Return the region that an SQS host's name says; None where it says none."""
    found = _REGION_OF_HOST.fullmatch(host)
    return (found[1] or found[2]) if found else None


def _message(given: dict[str, Any]) -> QueuedMessage:
    attributes = given.get("Attributes", {})
    return QueuedMessage(
        id=str(given["MessageId"]),
        receipt=str(given["ReceiptHandle"]),
        body=str(given.get("Body", "")).encode("utf-8", "surrogatepass"),
        sent_ms=int(attributes.get("SentTimestamp", 0)),
        receives=int(attributes.get("ApproximateReceiveCount", 1)),
    )
