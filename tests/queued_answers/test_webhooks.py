"""Webhooks: only to whom they may go, at addresses that were checked, signed, again until they arrive, and visibly."""

import asyncio
import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from query_api.app import create_app
from query_api.connections import Connections
from query_api.queued.delivering import DeliveryWork, NotDelivered, Sender
from rag_core.errors import ConfigurationError, InvalidRequest
from rag_core.queued_answers import MAX_DELIVERIES, AnswerState, TakenWebhook
from rag_core.webhooks import parse_webhook_hosts, signature
from resources.clients.settings import load_settings
from tests.catalog.observing import rows
from tests.query_api.conftest import EMBEDDER
from tests.query_api.guarding import Guarded
from tests.queued_answers.conftest import answer_all, look, queue
from tests.queued_answers.receiver import SECRET, Receiver

PUBLIC = parse_webhook_hosts(["hooks.example.com", "own.example:8443"])


@pytest.fixture
def told(guarded: Guarded, receiver: Receiver) -> Iterator[Guarded]:
    """The API with the receiver allowed."""
    changed = {"webhook_hosts": (f"127.0.0.1:{receiver.port}",), "webhook_secret": SECRET}
    settings = guarded.settings.model_copy(update=changed)
    app = create_app(settings, connections=Connections(settings, open_model=lambda _: EMBEDDER))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as api:
        yield replace(guarded, api=api, app=app, settings=settings)


def deliver(told: Guarded) -> int:
    """Send what is due as a worker does; return how many there were."""
    sender = Sender(parse_webhook_hosts(told.settings.webhook_hosts), secret=SECRET)
    work = DeliveryWork(lambda: told.catalog.webhooks, sender)

    async def send() -> int:
        count = 0
        while (taken := work.take()) is not None:
            await work.work(taken)
            count += 1
        return count

    return asyncio.run(send())


def taken(url: str) -> TakenWebhook:
    return TakenWebhook(
        webhook_id=uuid4(),
        holder=uuid4(),
        answer_id=uuid4(),
        url=url,
        state=AnswerState.DONE,
        collection="handbook",
        attempt=1,
        finished_at=datetime.now(UTC),
    )


def send(hosts: list[str], url: str) -> int:
    return asyncio.run(Sender(parse_webhook_hosts(hosts), secret=SECRET).send(taken(url)))


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/a?b=c", "https://HOOKS.example.com", "https://own.example:8443/"]
)
def test_a_named_host_may_be_told(url: str) -> None:
    assert PUBLIC.target(url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "https://evil.hooks.example.com/",
        "https://hooks.example.com.evil.example/",
        "https://hooks.example.com:8443/",
        "https://own.example/",
        "https://hooks.example.com@evil.example/",
        "https://hooks.example.com:443@127.0.0.1/",
        "https://user:password@hooks.example.com/",
        "https://hooks.example.com\\@127.0.0.1/",
        "https://hooks.example.com#@127.0.0.1/",
        "https://hooks.example.com./",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost:5432/",
        "file:///etc/passwd",
        "ftp://hooks.example.com/",
        "//hooks.example.com/",
        "hooks.example.com",
        "https://",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com/\r\nx: y",
        "https://höoks.example.com/",
        "https://hooks.example.com/" + "x" * 2000,
        "http://hooks.example.com/",
        "",
    ],
)
def test_any_other_url_is_refused_with_what_to_do(url: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        PUBLIC.target(url)
    assert refused.value.remedy


def test_nobody_may_be_told_by_default() -> None:
    with pytest.raises(InvalidRequest, match="not allowed"):
        parse_webhook_hosts([]).target("https://hooks.example.com/")


@pytest.mark.parametrize(
    ("entry", "address", "is_allowed"),
    [
        ("a.example", "93.184.216.34", True),
        ("a.example", "2606:2800:220:1:248:1893:25c8:1946", True),
        *[
            ("a.example", address, False)
            for address in (
                *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.1", "100.64.0.1"),
                *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:10.0.0.1"),
                *("::ffff:169.254.169.254", "64:ff9b::7f00:1", "::7f00:1", "2002:7f00:1::", "192.0.2.1"),
            )
        ],
        ("a.example=10.0.0.7", "10.0.0.7", True),
        ("a.example=10.0.0.7", "::ffff:10.0.0.7", True),
        ("a.example=10.0.0.7", "10.0.0.8", False),
        ("a.example=10.0.0.7", "93.184.216.34", False),
        ("a.example:8080=10.0.0.0/8|fd00::/8", "fd00::5", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
    ],
)
def test_an_address_must_be_public_or_named(entry: str, address: str, is_allowed: bool) -> None:
    assert parse_webhook_hosts([entry]).hosts[0].allows(ipaddress.ip_address(address)) is is_allowed


def test_a_name_that_leads_inside_is_not_connected_to(receiver: Receiver) -> None:
    port = receiver.port
    with pytest.raises(NotDelivered, match="may not be told"):
        send([f"localhost:{port}"], f"https://localhost:{port}/")
    with pytest.raises(NotDelivered, match="may not be told"):
        send([f"localhost:{port}=10.0.0.0/8"], f"http://localhost:{port}/")
    assert not receiver.paths
    assert send([f"localhost:{port}=127.0.0.0/8|::1"], f"http://localhost:{port}/hook") == 204
    assert receiver.paths["/hook"] == 1


def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.statuses[:], receiver.location = [302], f"http://127.0.0.1:{receiver.port}/inside"
    with pytest.raises(NotDelivered, match="redirects") as raised:
        send([f"127.0.0.1:{receiver.port}"], receiver.url)
    assert raised.value.status == 302
    assert list(receiver.paths) == ["/hook?of=rag"]


def test_a_receiver_that_is_away_is_an_error_without_details(receiver: Receiver) -> None:
    port = receiver.port
    receiver.__exit__(None, None, None)
    with pytest.raises(NotDelivered, match=r"The connection failed \(ConnectError\)"):
        send([f"127.0.0.1:{port}"], f"http://127.0.0.1:{port}/")


def test_an_answer_is_told_of_once_signed_and_without_its_text(told: Guarded, receiver: Receiver) -> None:
    key = told.key()
    url = queue(told, key, webhook_url=receiver.url)
    assert look(told, key, url)["webhook"]["status"] == "waiting"
    assert deliver(told) == 0
    answer_all(told)
    assert deliver(told) == 1
    assert deliver(told) == 0
    shown = look(told, key, url)
    assert (shown["webhook"]["status"], shown["webhook"]["response_status"]) == ("delivered", 204)
    ((_, said),) = receiver.got
    assert said["type"] == "answer.done"
    assert said["data"] == {
        "answer_id": shown["answer_id"],
        "status": "done",
        "collection": "handbook",
        "url": url,
    }


def test_a_notification_that_fails_is_sent_again_under_its_id_and_shown(told: Guarded, receiver: Receiver) -> None:
    key = told.key()
    url = queue(told, key, webhook_url=receiver.url)
    answer_all(told)
    receiver.statuses[:] = [500, 503]
    for number, status in enumerate((500, 503), start=1):
        assert deliver(told) == 1
        shown = look(told, key, url)["webhook"]
        assert (shown["status"], shown["attempts"], shown["response_status"]) == ("waiting", number, status)
        assert str(status) in shown["error"]
        assert shown["next_attempt_at"] is not None
        rows(told.settings.require("database_url"), "UPDATE answer_webhooks SET due_at = now()")
    assert deliver(told) == 1
    assert look(told, key, url)["webhook"]["status"] == "delivered"
    assert len(receiver.got) == 3
    assert [len(ids) for ids in receiver.ids.values()] == [1]


def test_a_notification_is_given_up_in_the_end(told: Guarded, receiver: Receiver) -> None:
    key = told.key()
    url = queue(told, key, webhook_url=receiver.url)
    answer_all(told)
    receiver.statuses[:] = [500] * 20
    for _ in range(MAX_DELIVERIES):
        assert deliver(told) == 1
        rows(told.settings.require("database_url"), "UPDATE answer_webhooks SET due_at = now()")
    assert deliver(told) == 0
    shown = look(told, key, url)["webhook"]
    assert (shown["status"], shown["attempts"], shown["next_attempt_at"]) == ("given_up", MAX_DELIVERIES, None)


def test_a_failed_question_is_told_of_too(told: Guarded, receiver: Receiver) -> None:
    queue(told, told.key(name="leaving"), webhook_url=receiver.url)
    told.catalog.keys.revoke("leaving")
    answer_all(told)
    assert deliver(told) == 1
    assert receiver.got[0][1]["type"] == "answer.failed"


def test_a_host_that_is_not_allowed_any_more_is_not_told(told: Guarded, receiver: Receiver) -> None:
    key = told.key()
    url = queue(told, key, webhook_url=receiver.url)
    answer_all(told)
    narrowed = replace(told, settings=told.settings.model_copy(update={"webhook_hosts": ()}))
    assert deliver(narrowed) == 1
    assert look(told, key, url)["webhook"]["status"] == "given_up"
    assert not receiver.paths


def test_hosts_without_a_secret_are_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_WEBHOOK_HOSTS", "hooks.example.com")
    with pytest.raises(ConfigurationError, match="RAG_WEBHOOK_SECRET"):
        load_settings(with_stack=False)
    monkeypatch.setenv("RAG_WEBHOOK_SECRET", SECRET)
    assert load_settings(with_stack=False).webhook_hosts == ("hooks.example.com",)
    for wrong in ("a b", "a:port", "a=10.0.0.300", "-"):
        monkeypatch.setenv("RAG_WEBHOOK_HOSTS", wrong)
        with pytest.raises(ConfigurationError, match="RAG_WEBHOOK_HOSTS"):
            load_settings(with_stack=False)


def test_the_signature_is_that_of_standard_webhooks() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    made = signature(secret, webhook_id="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp_s=1614265330, body=body)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
