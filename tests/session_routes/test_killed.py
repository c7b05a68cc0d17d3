"""An API process that is killed in the middle of an answer: nothing half is stored, and the talk goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.answers.conftest import QUESTION
from tests.answers.event_reading import events_in
from tests.catalog.observing import rows
from tests.query_api.conftest import COLLECTION, World
from tests.services.loopback import free_port, wait_until
from tests.session_routes.conftest import Talk

SERVER = """
import sys
from pathlib import Path
import uvicorn
from query_api.app import create_app
from query_api.connections import Connections
from resources.clients.settings import Settings
from tests.pipeline.word_embedder import WordEmbedder

database, qdrant, chat, home, port = sys.argv[1:]
urls = {"database_url": database, "qdrant_url": qdrant, "chat_url": chat, "chat_model": "tiny"}
settings = Settings(home=Path(home), auth="off", **urls)
app = create_app(settings, connections=Connections(settings, open_model=lambda _: WordEmbedder()))
uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="critical")
"""
ROOT = Path(__file__).parents[2]


def test_a_process_killed_in_mid_answer_leaves_no_half_turn_and_a_session_that_goes_on(
    talk: Talk, world: World, tmp_path: Path
) -> None:
    talk.ask(QUESTION)
    talk.api.chat.say("Backups are kept", " for thirty days [1].", hold_after=1)
    port = free_port()
    words = [world.database_url, world.qdrant_url, talk.api.chat.url, str(tmp_path), str(port)]
    doomed = subprocess.Popen([sys.executable, "-c", SERVER, *words], cwd=ROOT, env={**os.environ, "NO_PROXY": "*"})
    try:
        wait_until(lambda: _is_alive(port), what="the process that will be killed")
        body = {"collection": COLLECTION, "question": "When are restores tested?", "session_id": talk.id}
        body |= {"stream": True, "generation": "auto"}
        with httpx.stream("POST", f"http://127.0.0.1:{port}/v1/ask", json=body, timeout=30, trust_env=False) as sent:
            events = events_in(sent.iter_lines())
            while next(events)[0] != "token":
                pass
            doomed.send_signal(signal.SIGKILL)
            doomed.wait(10)
    finally:
        doomed.kill()
        doomed.wait(10)
    assert talk.refused("Restores tested?").status_code == 409
    assert len(talk.messages()) == 2
    held = rows(world.database_url, "SELECT held_until - now() < '16 s' FROM chat_sessions WHERE held_by IS NOT NULL")
    assert held == [(True,)]
    rows(world.database_url, "UPDATE chat_sessions SET held_until = now()")  # the seconds that nobody renews are over
    assert talk.ask("Restores tested?")["session"]["turn"] == 2
    assert [each["number"] for each in talk.messages()] == [1, 2, 3, 4]


def _is_alive(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
