"""Messages as a TimescaleDB hypertable: compressed when warm, dropped when cold, by the extension's own policies.

The rows of one session lie together in a compressed chunk (ordered by session, not segmented by it: most sessions have
too few rows in a week to fill a batch of their own). Deleting a session works in compressed chunks, too.
"""

from sqlalchemy import Connection, text

from rag_core.errors import ConfigurationError

CHUNK_DAYS = 7


def is_one(connection: Connection) -> bool:
    """Say whether the messages are a hypertable by now."""
    if not connection.execute(_INSTALLED).scalar_one():
        return False
    return bool(connection.execute(_IS_ONE).scalar_one())


def is_possible(connection: Connection) -> bool:
    """Say whether this database has TimescaleDB with the licence that compression and policies need."""
    return bool(connection.execute(_INSTALLED).scalar_one() and connection.execute(_LICENSED).scalar_one())


def convert(connection: Connection) -> int:
    """Move all messages into a hypertable of the same name, and return how many; raises ``ConfigurationError``."""
    if not is_possible(connection):
        raise ConfigurationError(
            "The catalog's database has no TimescaleDB with its community licence.",
            remedy="Run CREATE EXTENSION timescaledb in it, or leave the messages in months.",
        )
    if is_one(connection):
        return 0
    for statement in _MAKE:
        connection.execute(text(statement))
    moved = connection.execute(text("INSERT INTO chat_messages_new SELECT * FROM chat_messages")).rowcount
    for statement in _REPLACE:
        connection.execute(text(statement))
    return moved


def set_policies(connection: Connection, *, warm_days: int | None, keep_days: int | None) -> tuple[str, ...]:
    """Make the policies what the settings say, ``None`` for none of that kind; return those that were changed."""
    changed: list[str] = []
    for policy, days in (("compression", warm_days), ("retention", keep_days)):
        held = connection.execute(_POLICY[policy]).scalar_one_or_none()
        if held == days:
            continue
        if held is not None:
            connection.execute(text(f"SELECT remove_{policy}_policy('chat_messages')"))
        if days is not None:
            connection.execute(
                text(f"SELECT add_{policy}_policy('chat_messages', make_interval(days => :days))"), {"days": days}
            )
        changed.append(policy)
    return tuple(changed)


def delete_empty_sessions(connection: Connection, keep_days: int) -> int:
    """Delete the sessions that retention has left without a message."""
    empty = connection.execute(_EMPTY_SESSIONS, {"days": keep_days}).scalars().all()
    return connection.execute(_DELETE_SESSIONS, {"sessions": list(empty), "days": keep_days}).rowcount


_INSTALLED = text("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')")

_LICENSED = text("SELECT current_setting('timescaledb.license', true) = 'timescale'")

_IS_ONE = text(
    "SELECT EXISTS (SELECT FROM timescaledb_information.hypertables WHERE hypertable_name = 'chat_messages')"
)

_MAKE = (
    "LOCK TABLE chat_messages IN ACCESS EXCLUSIVE MODE",
    "CREATE TABLE chat_messages_new (LIKE chat_messages INCLUDING ALL)",
    f"""
    SELECT create_hypertable('chat_messages_new', 'created_at', chunk_time_interval => INTERVAL '{CHUNK_DAYS} days',
                             create_default_indexes => false)
    """,
)

_REPLACE = (
    "DROP TABLE chat_messages",
    "ALTER TABLE chat_messages_new RENAME TO chat_messages",
    "ALTER INDEX chat_messages_new_pkey RENAME TO chat_messages_pkey",
    """
    ALTER TABLE chat_messages SET (timescaledb.compress, timescaledb.compress_segmentby = '',
                                   timescaledb.compress_orderby = 'session_id, number')
    """,
)

_JOB = """
SELECT extract(epoch FROM CAST(config ->> '{after}' AS interval))::bigint / 86400 FROM timescaledb_information.jobs
WHERE hypertable_name = 'chat_messages' AND proc_name = '{procedure}'
"""

_POLICY = {
    "compression": text(_JOB.format(after="compress_after", procedure="policy_compression")),
    "retention": text(_JOB.format(after="drop_after", procedure="policy_retention")),
}

_IS_OLD = "active_at < now() - make_interval(days => :days) AND (held_until IS NULL OR held_until < now())"

# Two statements: one that deletes or locks may not look into compressed chunks. The second looks at the age again.
_EMPTY_SESSIONS = text(f"""
SELECT session_id FROM chat_sessions s
WHERE {_IS_OLD} AND NOT EXISTS (SELECT FROM chat_messages m WHERE m.session_id = s.session_id)
""")  # noqa: S608 - a constant of this module

_DELETE_SESSIONS = text(f"""
DELETE FROM chat_sessions WHERE session_id = ANY(CAST(:sessions AS uuid[])) AND {_IS_OLD}
""")  # noqa: S608 - a constant of this module
