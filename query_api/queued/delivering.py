"""Notifications on their way: signed, to the address that was checked, and again until the receiver has them.

A notification says that there is an answer and where, never what it says: who may read it is decided when it is read.
Header names and signature are those of Standard Webhooks, so that its libraries verify them.
"""

import asyncio
import ipaddress
import json
import logging
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID

import httpx

from query_api.shapes.answers import url_of
from rag_core.errors import RagError
from rag_core.queued_answers import AnswerState, TakenWebhook, delivery_delay_s
from rag_core.webhooks import WebhookHosts, WebhookTarget, signature
from resources.clients.catalog.queued import Webhooks

LIMIT_S = 15.0
LEASE_S = 60.0
"""After how long another worker may send what was being sent; well above ``LIMIT_S``."""
_CONNECT_S = 5.0
_RESOLVE_S = 5.0
_log = logging.getLogger("query_api.queued")


class NotDelivered(RagError):
    """The receiver has not acknowledged it; ``status`` is what it said, ``for_good`` where nothing can change that."""

    def __init__(self, message: str, *, status: int | None = None, for_good: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.for_good = for_good


class Sender:
    """Sends notifications to receivers that may be told."""

    def __init__(self, hosts: WebhookHosts, *, secret: str) -> None:
        self._hosts = hosts
        self._secret = secret
        self._tls: ssl.SSLContext | None = None

    async def send(self, taken: TakenWebhook) -> int:
        """Send it and return the receiver's status; raises ``NotDelivered``."""
        try:
            async with asyncio.timeout(LIMIT_S):
                return await self._sent(taken)
        except TimeoutError:
            raise NotDelivered(f"There was no response within {LIMIT_S:.0f} s.") from None
        except httpx.HTTPError as error:
            raise NotDelivered(f"The connection failed ({type(error).__name__}).") from error

    async def _sent(self, taken: TakenWebhook) -> int:
        try:
            target = self._hosts.target(taken.url)
        except RagError as error:
            raise NotDelivered(error.message, for_good=True) from error
        address = await _address_of(target)
        if self._tls is None:
            self._tls = await asyncio.to_thread(httpx.create_ssl_context)
        body = notification(taken)
        headers = {
            "host": httpx.URL(target.url).netloc.decode("ascii"),
            "content-type": "application/json",
            "user-agent": "rag-assets",
            **_signed(self._secret, taken.webhook_id, body),
        }
        async with (
            httpx.AsyncClient(
                verify=self._tls, trust_env=False, follow_redirects=False, timeout=httpx.Timeout(LIMIT_S)
            ) as client,
            client.stream(
                "POST",
                httpx.URL(target.url).copy_with(host=str(address)),
                content=body,
                headers=headers,
                extensions={"sni_hostname": target.host},
            ) as response,
        ):
            status = response.status_code  # the body stays unread, however long it is
        if 200 <= status < 300:
            return status
        if 300 <= status < 400:
            raise NotDelivered("The receiver redirects; redirects are not followed.", status=status)
        raise NotDelivered(f"The receiver answered {status}.", status=status)


class DeliveryWork:
    """Sends the notifications that one process has taken."""

    def __init__(self, webhooks: Callable[[], Webhooks], sender: Sender, *, lease_s: float = LEASE_S) -> None:
        self._webhooks = webhooks
        self._lease_s = lease_s
        self._sender = sender

    def take(self) -> TakenWebhook | None:
        """Take the notification that is due longest; None when none is due."""
        return self._webhooks().take(lease_s=self._lease_s)

    def due_in_s(self) -> float | None:
        """Return when the next one is due; None when there is none."""
        return self._webhooks().due_in_s()

    async def work(self, taken: TakenWebhook) -> None:
        """Send a notification and store what became of it."""
        webhooks = self._webhooks()
        try:
            status = await self._sender.send(taken)
            store = partial(webhooks.delivered, taken, status=status)
        except NotDelivered as error:
            _log.warning("Notification %s, attempt %d: %s", taken.webhook_id, taken.attempt, error)
            delay_s = None if error.for_good else delivery_delay_s(taken.attempt)
            store = partial(webhooks.failed, taken, error.message, status=error.status, delay_s=delay_s)
        except asyncio.CancelledError:
            await asyncio.to_thread(webhooks.give_back, taken)
            raise
        await asyncio.to_thread(store)


def notification(taken: TakenWebhook) -> bytes:
    """Return the body: the same bytes however often it is sent."""
    is_done = taken.state is AnswerState.DONE
    said = {
        "type": "answer.done" if is_done else "answer.failed",
        "timestamp": taken.finished_at.isoformat(),
        "data": {
            "answer_id": str(taken.answer_id),
            "status": taken.state.value,
            "collection": taken.collection,
            "url": url_of(taken.answer_id),
        },
    }
    return json.dumps(said).encode()


def _signed(secret: str, webhook_id: UUID, body: bytes) -> dict[str, str]:
    at_s = int(time.time())
    return {
        "webhook-id": str(webhook_id),
        "webhook-timestamp": str(at_s),
        "webhook-signature": signature(secret, webhook_id=str(webhook_id), timestamp_s=at_s, body=body),
    }


async def _address_of(target: WebhookTarget) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the address to connect to; raises ``NotDelivered`` where any that the name has may not be told."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_RESOLVE_S):
            found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError):
        raise NotDelivered("The receiver's name has no address.") from None
    addresses = _addresses([str(each[4][0]) for each in found])
    refused = [address for address in addresses if not target.allowed.allows(address)]
    if refused or not addresses:
        _log.warning("%s has addresses that may not be told: %s", target.host, ", ".join(map(str, refused)))
        raise NotDelivered("The receiver's name has an address that may not be told.")
    return addresses[0]


def _addresses(texts: Sequence[str]) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    return [ipaddress.ip_address(text) for text in dict.fromkeys(texts)]
