"""Sessions on a real TimescaleDB; left out where no PostgreSQL of this machine has the extension."""

from collections.abc import Iterator

import pytest

from rag_core.sessions.refusals import UnknownSession
from resources.clients.catalog import Catalog, open_catalog
from tests.services.timescale import VARIABLE, TimescaleServer, timescale_binaries
from tests.sessions.conftest import OWNER, fresh_id, new_session, rows, talk

pytestmark = pytest.mark.skipif(
    timescale_binaries() is None, reason=f"no PostgreSQL here has TimescaleDB; {VARIABLE} can name one"
)

POLICIES = """
SELECT proc_name, COALESCE(config ->> 'compress_after', config ->> 'drop_after')
FROM timescaledb_information.jobs WHERE hypertable_name = 'chat_messages' ORDER BY 1
"""
CHUNKS = """
SELECT range_start::date::text, is_compressed FROM timescaledb_information.chunks
WHERE hypertable_name = 'chat_messages' ORDER BY range_start
"""


@pytest.fixture(scope="session")
def timescale() -> Iterator[TimescaleServer]:
    binaries = timescale_binaries()
    assert binaries is not None
    with TimescaleServer(binaries) as running:
        yield running


@pytest.fixture
def url(timescale: TimescaleServer) -> str:
    return timescale.create_database()


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    with open_catalog(url) as opened:
        yield opened


def run_policies(url: str) -> None:
    """Let the extension's own jobs do now what they do on their schedule."""
    for (job,) in rows(url, "SELECT job_id FROM timescaledb_information.jobs WHERE hypertable_name = 'chat_messages'"):
        rows(url, f"CALL run_job({job})")


def make_old(url: str, session: object, days: int) -> None:
    """Put a session's messages into the past: rows of a hypertable move by being written anew."""
    rows(
        url,
        f"""
        WITH gone AS (DELETE FROM chat_messages WHERE session_id = '{session}' RETURNING *)
        INSERT INTO chat_messages SELECT session_id, number, created_at - interval '{days} days', role, status,
            collection, content, details FROM gone
        """,
    )
    rows(
        url,
        f"UPDATE chat_sessions SET active_at = active_at - interval '{days} days' WHERE session_id = '{session}'",
    )


def test_messages_become_a_hypertable_with_the_first_of_them(catalog: Catalog, url: str) -> None:
    session = new_session(catalog)
    talk(catalog, session)
    assert rows(url, "SELECT hypertable_name::text FROM timescaledb_information.hypertables") == [("chat_messages",)]
    assert [each.number for each in catalog.sessions.messages(OWNER, session, after=0, limit=9)] == [1, 2]
    assert [each.number for each in catalog.turns.begin(OWNER, session).history] == [1, 2]


def test_policies_follow_the_settings(catalog: Catalog, url: str) -> None:
    keeping = catalog.kept_messages
    assert keeping.prune(warm_days=30, keep_days=365).policies == ("compression", "retention")
    assert rows(url, POLICIES) == [("policy_compression", "30 days"), ("policy_retention", "365 days")]
    assert keeping.prune(warm_days=30, keep_days=365).policies == ()
    assert keeping.prune(warm_days=30, keep_days=90).policies == ("retention",)
    assert rows(url, POLICIES) == [("policy_compression", "30 days"), ("policy_retention", "90 days")]
    assert keeping.prune(warm_days=None, keep_days=None).policies == ("compression", "retention")
    assert rows(url, POLICIES) == []


def test_warm_messages_are_compressed_and_cold_ones_dropped_with_their_sessions(catalog: Catalog, url: str) -> None:
    fresh, warm, cold = new_session(catalog), new_session(catalog), new_session(catalog)
    for session, days in ((fresh, 0), (warm, 60), (cold, 500)):
        talk(catalog, session)
        make_old(url, session, days)
    catalog.kept_messages.prune(warm_days=30, keep_days=365)
    run_policies(url)
    assert [is_compressed for _, is_compressed in rows(url, CHUNKS)] == [True, False]
    assert catalog.kept_messages.prune(warm_days=30, keep_days=365).sessions_deleted == 1
    with pytest.raises(UnknownSession):
        catalog.sessions.get(OWNER, cold)
    for session in (fresh, warm):
        assert [each.number for each in catalog.sessions.messages(OWNER, session, after=0, limit=9)] == [1, 2]
    talk(catalog, warm)
    assert [each.number for each in catalog.turns.begin(OWNER, warm).history] == [1, 2, 3, 4]


def test_sessions_are_deleted_out_of_compressed_messages(catalog: Catalog, url: str) -> None:
    project = catalog.projects.create(OWNER, fresh_id(), title="P").id
    kept, deleted, inside = new_session(catalog), new_session(catalog), new_session(catalog, project=project)
    for session in (kept, deleted, inside):
        talk(catalog, session)
        make_old(url, session, 60)
    catalog.kept_messages.prune(warm_days=30, keep_days=365)
    run_policies(url)
    assert (True,) in rows(url, CHUNKS.replace("range_start::date::text, ", ""))
    catalog.sessions.delete(OWNER, deleted)
    catalog.projects.delete(OWNER, project)
    assert rows(url, "SELECT DISTINCT session_id FROM chat_messages") == [(kept,)]


def test_months_that_hold_messages_stay_until_someone_asks_for_a_hypertable(timescale: TimescaleServer) -> None:
    url = timescale.create_database(with_extension=False)
    with open_catalog(url) as catalog:
        session = new_session(catalog)
        talk(catalog, session)
        timescale.add_extension(url)
        assert catalog.kept_messages.prune(warm_days=30, keep_days=365).policies == ()
        assert catalog.kept_messages.to_hypertable() == 2
        assert catalog.kept_messages.to_hypertable() == 0
        talk(catalog, session)
        assert [each.number for each in catalog.sessions.messages(OWNER, session, after=0, limit=9)] == [1, 2, 3, 4]
        assert catalog.kept_messages.prune(warm_days=30, keep_days=365).policies == ("compression", "retention")
    assert rows(url, "SELECT count(*) FROM pg_class WHERE relname ~ '^chat_messages_[0-9]'") == [(0,)]
