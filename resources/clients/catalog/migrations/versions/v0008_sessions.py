"""Sessions: projects, conversations, and their messages by month; the months' tables are made when they are due."""

from alembic import op

revision = "0008"
down_revision = "0007"

_STATEMENTS = (
    """
    CREATE TABLE chat_projects (
        project_id uuid PRIMARY KEY, owner text COLLATE "C" NOT NULL, title text NOT NULL DEFAULT '',
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX chat_projects_of_owner ON chat_projects (owner, project_id)",
    """
    CREATE TABLE chat_sessions (
        session_id uuid PRIMARY KEY, owner text COLLATE "C" NOT NULL, project_id uuid,
        title text NOT NULL DEFAULT '', collections text[] NOT NULL, turns integer NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(), active_at timestamptz NOT NULL DEFAULT now(),
        held_by uuid, held_until timestamptz
    )
    """,
    "CREATE INDEX chat_sessions_of_owner ON chat_sessions (owner, session_id)",
    "CREATE INDEX chat_sessions_of_project ON chat_sessions (project_id, session_id)",
    "CREATE INDEX chat_sessions_by_activity ON chat_sessions (active_at)",
    """
    CREATE TABLE chat_messages (
        session_id uuid NOT NULL, number bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
        role text NOT NULL DEFAULT '', status text NOT NULL DEFAULT '', collection text NOT NULL DEFAULT '',
        content text NOT NULL DEFAULT '', details jsonb NOT NULL, PRIMARY KEY (session_id, number, created_at)
    ) PARTITION BY RANGE (created_at)
    """,
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop them, the months' tables among them."""
    for table in ("chat_messages", "chat_sessions", "chat_projects"):
        op.execute(f"DROP TABLE {table}")
