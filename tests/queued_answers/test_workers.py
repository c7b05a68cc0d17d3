"""Worker processes: killed -9 in mid-answer, told to stop, woken from idleness, over an outage of the catalog."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.catalog.observing import rows
from tests.query_api.guarding import Guarded
from tests.queued_answers.conftest import QUESTION, body, look, queue
from tests.queued_answers.killing import check, through_kills
from tests.queued_answers.process import ROOT, Workers
from tests.queued_answers.receiver import Receiver
from tests.services.chat_server import ChatServer
from tests.services.loopback import free_port, wait_until
from tests.services.postgres import PostgresServer

OPEN: dict[str, str] = {}


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Callable[..., Workers]]:
    made: list[Workers] = []

    def make(asked: Guarded, *, grace_s: float = 20.0, **changed: Any) -> Workers:
        settings = asked.settings.model_copy(update=changed).model_dump(mode="json", exclude_none=True)
        made.append(Workers(settings, tmp_path / "marks", grace_s=grace_s))
        return made[-1]

    yield make
    for each in made:
        each.end()


def state(asked: Guarded, url: str) -> str:
    return look(asked, OPEN, url)["status"]


def test_workers_killed_at_random_leave_one_stored_answer_each_and_every_webhook(
    guarded: Guarded, receiver: Receiver, tmp_path: Path
) -> None:
    outcome = through_kills(guarded.settings, receiver=receiver, marks=tmp_path / "marks", count=60, kills=6)
    check(outcome)
    assert (outcome.asked, outcome.killed) == (60, 6)
    assert outcome.attempts > outcome.asked  # some were killed in mid-answer, and taken again


@pytest.mark.parametrize("asked", [{"auth": "off"}], indirect=True)
def test_an_idle_worker_is_woken_by_a_question(asked: Guarded, workers: Callable[..., Workers]) -> None:
    running = workers(asked)
    running.start()
    for number in range(3):  # an idle queue is looked at once a minute: each of these waits for nothing but its commit
        url = queue(asked, OPEN, QUESTION + "?" * number)
        wait_until(lambda url=url: state(asked, url) == "done", what="the answer", limit_s=30)
    shown = look(asked, OPEN, url)
    assert shown["answer"]["answered"]
    assert (shown["attempts"], shown["problem"], shown["webhook"]) == (1, None, None)
    assert shown["created_at"] <= shown["started_at"] <= shown["finished_at"]
    assert running.stop() == [0]


@pytest.mark.parametrize("asked", [{"auth": "off"}], indirect=True)
def test_a_worker_told_to_stop_gives_back_what_it_cannot_finish(
    asked: Guarded, workers: Callable[..., Workers], chat_server: ChatServer
) -> None:
    chat_server.say("Backups are kept", " for thirty days [1].", hold_after=1)
    chat = {"chat_url": chat_server.url, "chat_model": "tiny"}
    stopped = workers(asked, grace_s=0.2, **chat)
    stopped.start()
    url = queue(asked, OPEN, generation="auto")
    wait_until(lambda: chat_server.writing == 1, what="the model to write")
    assert state(asked, url) == "running"
    assert stopped.stop() == [0]
    shown = look(asked, OPEN, url)
    assert (shown["status"], shown["attempts"]) == ("queued", 0)
    chat_server.release()
    patient = workers(asked, **chat)
    patient.start()
    wait_until(lambda: state(asked, url) == "done", what="the answer")
    assert look(asked, OPEN, url)["answer"]["generation"]["mode"] == "model"
    assert patient.stop() == [0]


@pytest.mark.parametrize("asked", [{"auth": "off"}], indirect=True)
def test_a_worker_told_to_stop_finishes_what_it_can(
    asked: Guarded, workers: Callable[..., Workers], chat_server: ChatServer
) -> None:
    chat_server.say("Backups are kept", " for thirty days [1].", hold_after=1)
    running = workers(asked, chat_url=chat_server.url, chat_model="tiny")
    running.start()
    urls = [queue(asked, OPEN, QUESTION + "?" * number, generation="auto") for number in range(2)]
    wait_until(lambda: chat_server.writing == 2, what="the model to write")
    for process in running.processes:
        process.terminate()
    chat_server.release()
    assert running.stop() == [0]
    assert [state(asked, url) for url in urls] == ["done", "done"]
    assert [look(asked, OPEN, url)["attempts"] for url in urls] == [1, 1]


@pytest.mark.parametrize("asked", [{"auth": "off"}], indirect=True)
def test_a_question_deleted_in_mid_answer_ends_its_request_to_the_model(
    asked: Guarded, workers: Callable[..., Workers], chat_server: ChatServer
) -> None:
    chat_server.say("Backups are kept", " for thirty days [1].", hold_after=1)
    running = workers(asked, chat_url=chat_server.url, chat_model="tiny", answers_lease_s=1)
    running.start()
    url = queue(asked, OPEN, generation="auto")
    wait_until(lambda: chat_server.writing == 1, what="the model to write")
    assert asked.api.delete(url).status_code == 204
    wait_until(lambda: chat_server.left == 1, what="the worker to leave the model")
    assert asked.api.get(url).status_code == 404
    assert running.stop() == [0]


@pytest.mark.parametrize("asked", [{"auth": "off"}], indirect=True)
def test_a_worker_goes_on_after_the_catalog_was_away(
    asked: Guarded, workers: Callable[..., Workers], postgres: PostgresServer
) -> None:
    running = workers(asked)
    running.start()
    first = queue(asked, OPEN)
    wait_until(lambda: state(asked, first) == "done", what="the first answer")
    postgres.kill9()
    postgres.start()
    wait_until(lambda: asked.api.post("/v1/ask", json=body("Restores?")).status_code == 202, what="the catalog")
    waiting = "SELECT count(*) FROM answers WHERE state <> 'done'"
    wait_until(lambda: rows(asked.settings.require("database_url"), waiting) == [(0,)], what="the others")
    assert running.stop() == [0]


def test_a_worker_needs_a_catalog_and_says_so_in_a_line(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "query_api.worker"],
        cwd=ROOT,
        env={"RAG_HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "RAG_DATABASE_URL" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_worker_exports_its_metrics_at_a_port_of_its_own(guarded: Guarded, tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAG_")},
        "RAG_HOME": str(tmp_path),
        "RAG_DATABASE_URL": guarded.settings.require("database_url"),
        "RAG_WORKER_METRICS": address,
    }
    command = [sys.executable, "-W", "error", "-m", "query_api.worker"]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as worker:
        try:
            wait_until(lambda: "rag_answers_total" in metrics(address), what="the metrics")
            second = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
            )
        finally:
            worker.terminate()
    assert worker.returncode == 0
    assert second.returncode == 1
    assert f"RAG_WORKER_METRICS={address} cannot be listened on" in second.stderr


def metrics(address: str) -> str:
    with suppress(httpx.TransportError):
        return httpx.get(f"http://{address}/metrics", trust_env=False).text
    return ""
