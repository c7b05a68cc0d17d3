"""Questions through real workers that are killed -9 in the middle of their work, and what is then in the tables."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from query_api.app import create_app
from query_api.connections import Connections
from resources.clients.settings import Settings
from tests.catalog.observing import rows
from tests.query_api.conftest import COLLECTION, EMBEDDER
from tests.queued_answers.process import Workers
from tests.queued_answers.receiver import SECRET, Receiver
from tests.services.loopback import wait_until
from tests.services.served_app import served

ENDS = """
CREATE TABLE ends (answer_id uuid NOT NULL, state text NOT NULL, answer text);
CREATE FUNCTION note_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO ends VALUES (NEW.answer_id, NEW.state, NEW.answer::text); RETURN NEW; END $$;
CREATE TRIGGER ends AFTER INSERT OR UPDATE ON answers FOR EACH ROW
WHEN (NEW.state IN ('done', 'failed')) EXECUTE FUNCTION note_end();
"""
"""What the database itself saw being stored: every write of an end, not only the last one."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was seen."""

    asked: int
    killed: int
    took_s: float
    stored: dict[str, int]
    """Answer → how often an end of it was written."""
    states: dict[str, int]
    attempts: int
    notified: dict[str, set[str]]
    """Answer → ids of its notifications."""
    notifications: int
    wrong: int


def through_kills(
    settings: Settings,
    *,
    receiver: Receiver,
    marks: Path,
    count: int,
    kills: int,
    workers: int = 2,
    seed: int = 1,
    limit_s: float = 240,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Ask ``count`` questions, kill ``kills`` workers while they answer, and return once everything is over."""
    url, chance = settings.require("database_url"), random.Random(seed)
    rows(url, ENDS)
    changed = {
        "auth": "off",
        "answers_lease_s": 1,
        "answers_queue": count,
        "webhook_hosts": (f"127.0.0.1:{receiver.port}",),
        "webhook_secret": SECRET,
    }
    settings = settings.model_copy(update=changed)
    # Each tenth notification is refused once: it must come again under its id.
    receiver.statuses[:] = [500 if number % 10 == 0 else 204 for number in range(count)]
    running = Workers(settings.model_dump(mode="json", exclude_none=True), marks)
    app = create_app(settings, connections=Connections(settings, open_model=lambda _: EMBEDDER))
    began_s = time.monotonic()

    def ended() -> int:
        return rows(url, "SELECT count(*) FROM answers WHERE state IN ('done', 'failed')")[0][0]

    try:
        with served(app) as api, httpx.Client(base_url=api, trust_env=False, timeout=30) as client:
            running.start(workers)
            ids = [_ask(client, number, receiver.url) for number in range(count)]
            for number in range(kills):
                wanted = count * number // (kills + 1)
                wait_until(lambda least=wanted: ended() >= least, what=f"{wanted} answers", limit_s=limit_s)
                wait_until(lambda: len(running.at_work()) > 0, what="a worker in mid-answer", limit_s=limit_s)
                time.sleep(chance.uniform(0, 0.2))
                running.kill9(chance.choice(running.at_work()))
                running.start()
                say(f"killed {number + 1} of {kills}, {ended()} of {count} answered")
            wait_until(lambda: ended() == count, what="all answers", limit_s=limit_s)
            settled = "SELECT count(*) FROM answer_webhooks WHERE state = 'delivered'"
            wait_until(lambda: rows(url, settled)[0][0] == count, what="all notifications", limit_s=limit_s)
            took_s = time.monotonic() - began_s
            states: dict[str, int] = {}
            for each in ids:
                shown = client.get(f"/v1/answers/{each}").json()
                states[shown["status"]] = states.get(shown["status"], 0) + (1 if shown["answer"]["answered"] else 0)
            assert running.stop() == [0] * workers
    finally:
        running.end()
    written = rows(url, "SELECT answer_id::text, count(*) FROM ends GROUP BY 1")
    return Outcome(
        asked=len(set(ids)),
        killed=running.killed,
        took_s=took_s,
        stored=dict(written),
        states=states,
        attempts=rows(url, "SELECT sum(attempts) FROM answers")[0][0],
        notified=receiver.ids,
        notifications=len(receiver.got),
        wrong=receiver.wrong,
    )


def check(outcome: Outcome) -> None:
    """Fail unless every question has one stored answer and was told of under one id."""
    assert outcome.states == {"done": outcome.asked}
    assert len(outcome.stored) == outcome.asked
    assert set(outcome.stored.values()) == {1}
    assert set(outcome.notified) == set(outcome.stored)
    assert {len(ids) for ids in outcome.notified.values()} == {1}
    assert outcome.notifications >= outcome.asked
    assert outcome.wrong == 0


def _ask(client: httpx.Client, number: int, webhook_url: str) -> str:
    question = "How long are backups kept" + "?" * (number + 1)  # another text, the same words
    body = {"collection": COLLECTION, "question": question, "async": True, "webhook_url": webhook_url}
    sent = client.post("/v1/ask", json={**body, "generation": "extractive"})
    assert sent.status_code == 202, sent.text
    return sent.json()["answer_id"]
