"""The timer in the API's process: it prunes, goes on after an outage, and ends when it is told to."""

import threading

from query_api.sessions.upkeep import SessionUpkeep
from rag_core.errors import DependencyUnavailable
from resources.clients.catalog import Catalog
from tests.services.loopback import wait_until
from tests.sessions.conftest import new_session, rows


def test_it_prunes_until_it_is_closed_and_goes_on_after_an_outage(catalog: Catalog, url: str) -> None:
    others = set(threading.enumerate())
    asked: list[int] = []

    def away_at_first() -> Catalog:
        asked.append(1)
        if len(asked) == 1:
            raise DependencyUnavailable("away", dependency="catalog")
        return catalog

    old = new_session(catalog)
    rows(url, f"UPDATE chat_sessions SET active_at = now() - interval '800 days' WHERE session_id = '{old}'")
    upkeep = SessionUpkeep(away_at_first, warm_days=30, keep_days=365, first_s=0, every_s=0.01)
    upkeep.start()
    wait_until(lambda: rows(url, "SELECT count(*) FROM chat_sessions") == [(0,)], what="the old session to go")
    upkeep.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "sessions" and thread not in others]


def test_zero_days_keep_everything(catalog: Catalog, url: str) -> None:
    new_session(catalog)
    rows(url, "UPDATE chat_sessions SET active_at = now() - interval '9000 days'")
    upkeep = SessionUpkeep(lambda: catalog, warm_days=0, keep_days=0, first_s=0, every_s=0.01)
    upkeep.start()
    wait_until(
        lambda: len(rows(url, "SELECT 1 FROM pg_inherits WHERE inhparent = 'chat_messages'::regclass")) == 3,
        what="months to be made",
    )
    upkeep.close()
    assert rows(url, "SELECT count(*) FROM chat_sessions") == [(1,)]
