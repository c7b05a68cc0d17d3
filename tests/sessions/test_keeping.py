"""Retention on plain PostgreSQL: whole months go, with the sessions that have nothing left, and nothing else."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from rag_core.errors import ConfigurationError, DependencyUnavailable
from rag_core.sessions.months import Month
from rag_core.sessions.refusals import UnknownSession
from resources.clients.catalog import Catalog
from resources.clients.catalog.chat import Kept
from tests.sessions.conftest import OWNER, new_session, rows, talk

NOW = datetime.now(UTC)


def month(back: int) -> Month:
    return Month.of(NOW).later(-back)


def days_to_keep(months: int) -> int:
    """Return how many days keep the month that lies so many months back, and none before it."""
    return (NOW - month(months).begins).days


def make_old(url: str, session: UUID, back: int, *, turns: int = 1) -> None:
    """Move a session's first messages, and all of it where those are all, into an earlier month."""
    old = month(back)
    table = f"chat_messages_{old}"
    then = old.begins + timedelta(days=3)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {table} PARTITION OF chat_messages "
            f"FOR VALUES FROM ('{old.begins}') TO ('{old.ends}')".encode()
        )
        connection.execute(
            "UPDATE chat_messages SET created_at = %s WHERE session_id = %s AND number <= %s",
            (then, session, 2 * turns),
        )
        connection.execute(
            "UPDATE chat_sessions SET active_at = (SELECT max(created_at) FROM chat_messages m"
            " WHERE m.session_id = chat_sessions.session_id) WHERE session_id = %s",
            (session,),
        )


def months_there(url: str) -> set[str]:
    found = rows(url, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'chat_messages_%'")
    return {str(name).removeprefix("chat_messages_") for (name,) in found}


def test_months_are_made_ahead_once(catalog: Catalog, url: str) -> None:
    assert catalog.kept_messages.prepare() == tuple(str(month(-ahead)) for ahead in range(3))
    assert catalog.kept_messages.prepare() == ()
    assert months_there(url) == {str(month(-ahead)) for ahead in range(3)}


def test_the_first_message_makes_its_month_where_no_job_has(catalog: Catalog, url: str) -> None:
    assert months_there(url) == set()
    session = new_session(catalog)
    talk(catalog, session)
    assert str(month(0)) in months_there(url)
    assert catalog.sessions.get(OWNER, session).turns == 1


def test_exactly_the_months_older_than_the_retention_go(catalog: Catalog, url: str) -> None:
    ages = (0, 1, 3, 4, 14)
    sessions = {}
    for back in ages:
        sessions[back] = new_session(catalog)
        talk(catalog, sessions[back])
        make_old(url, sessions[back], back)
    done = catalog.kept_messages.prune(warm_days=None, keep_days=days_to_keep(3))
    assert done.months_dropped == (str(month(14)), str(month(4)))
    assert done.sessions_deleted == 2
    assert {str(month(back)) for back in (0, 1, 3)} <= months_there(url)
    assert not {str(month(back)) for back in (4, 14)} & months_there(url)
    for back in (0, 1, 3):
        assert len(catalog.sessions.messages(OWNER, sessions[back], after=0, limit=9)) == 2
    for back in (4, 14):
        with pytest.raises(UnknownSession):
            catalog.sessions.get(OWNER, sessions[back])
    assert catalog.kept_messages.prune(warm_days=None, keep_days=days_to_keep(3)) == Kept()


def test_a_conversation_that_goes_on_keeps_its_newer_turns_and_its_count(catalog: Catalog, url: str) -> None:
    session = new_session(catalog)
    talk(catalog, session)
    talk(catalog, session)
    make_old(url, session, 5)
    catalog.kept_messages.prune(warm_days=None, keep_days=days_to_keep(2))
    assert [each.number for each in catalog.sessions.messages(OWNER, session, after=0, limit=9)] == [3, 4]
    assert catalog.sessions.get(OWNER, session).turns == 2
    talk(catalog, session)
    assert [each.number for each in catalog.sessions.messages(OWNER, session, after=4, limit=9)] == [5, 6]


def test_a_session_being_asked_again_outlives_its_old_months(catalog: Catalog, url: str) -> None:
    session = new_session(catalog)
    talk(catalog, session)
    make_old(url, session, 5)
    turn = catalog.turns.begin(OWNER, session)
    assert catalog.kept_messages.prune(warm_days=None, keep_days=30).sessions_deleted == 0
    catalog.turns.release(session, turn.holder)
    assert catalog.sessions.get(OWNER, session).turns == 1


def test_sessions_that_never_had_a_message_go_with_their_month(catalog: Catalog, url: str) -> None:
    old, young = new_session(catalog), new_session(catalog)
    rows(url, f"UPDATE chat_sessions SET active_at = now() - interval '200 days' WHERE session_id = '{old}'")
    assert catalog.kept_messages.prune(warm_days=None, keep_days=90).sessions_deleted == 1
    assert catalog.sessions.get(OWNER, young).id == young


def test_without_a_retention_nothing_goes(catalog: Catalog, url: str) -> None:
    session = new_session(catalog)
    talk(catalog, session)
    make_old(url, session, 60)
    done = catalog.kept_messages.prune(warm_days=None, keep_days=None)
    assert (done.months_dropped, done.sessions_deleted) == ((), 0)
    assert str(month(60)) in months_there(url)


def test_several_processes_at_once_do_no_harm(catalog: Catalog, url: str) -> None:
    session = new_session(catalog)
    talk(catalog, session)
    make_old(url, session, 9)
    done: list[Kept] = []
    threads = [
        threading.Thread(target=lambda: done.append(catalog.kept_messages.prune(warm_days=None, keep_days=60)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(each.months_dropped) for each in done) == 1
    assert sum(each.sessions_deleted for each in done) == 1


def test_a_pruning_that_cannot_drop_a_month_changes_nothing_and_succeeds_later(catalog: Catalog, url: str) -> None:
    session = new_session(catalog)
    talk(catalog, session)
    make_old(url, session, 9)
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM chat_messages")  # holds its lock until the transaction's end
        with pytest.raises(DependencyUnavailable):
            catalog.kept_messages.prune(warm_days=None, keep_days=60)
        assert catalog.sessions.get(OWNER, session).turns == 1
    assert catalog.kept_messages.prune(warm_days=None, keep_days=60).sessions_deleted == 1


def test_plain_postgresql_is_no_hypertable_and_says_so(catalog: Catalog) -> None:
    with pytest.raises(ConfigurationError, match="TimescaleDB"):
        catalog.kept_messages.to_hypertable()
