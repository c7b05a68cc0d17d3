"""Questions that are answered later, and the notifications of their ends."""

from alembic import op

revision = "0009"
down_revision = "0008"

_STATEMENTS = (
    """
    CREATE TABLE answers (
        answer_id uuid PRIMARY KEY, owner text COLLATE "C" NOT NULL, collection text NOT NULL DEFAULT '',
        state text NOT NULL DEFAULT '', due_at timestamptz NOT NULL DEFAULT now(), held_by uuid,
        attempts integer NOT NULL DEFAULT 0, request json NOT NULL, request_sha256 bytea NOT NULL,
        idempotency_key text COLLATE "C", webhook_url text, request_id text NOT NULL DEFAULT '',
        trace_parent text NOT NULL DEFAULT '', created_at timestamptz NOT NULL DEFAULT now(), started_at timestamptz,
        finished_at timestamptz, seen_as text[], answer json, failure_kind text NOT NULL DEFAULT '',
        failure text NOT NULL DEFAULT '', remedy text NOT NULL DEFAULT ''
    )
    """,
    "CREATE INDEX answers_due ON answers (due_at) WHERE state IN ('queued', 'running')",
    "CREATE INDEX answers_waiting ON answers (created_at) WHERE state = 'queued'",
    """
    CREATE UNIQUE INDEX answers_by_key ON answers (owner, idempotency_key) WHERE idempotency_key IS NOT NULL
    """,
    "CREATE INDEX answers_by_age ON answers (created_at)",
    """
    CREATE TABLE answer_webhooks (
        answer_id uuid PRIMARY KEY REFERENCES answers ON DELETE CASCADE, webhook_id uuid NOT NULL,
        state text NOT NULL DEFAULT '', due_at timestamptz NOT NULL DEFAULT now(), held_by uuid,
        attempts integer NOT NULL DEFAULT 0, status integer, error text NOT NULL DEFAULT '',
        created_at timestamptz NOT NULL DEFAULT now(), delivered_at timestamptz
    )
    """,
    "CREATE INDEX answer_webhooks_due ON answer_webhooks (due_at) WHERE state = 'waiting'",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    for table in ("answer_webhooks", "answers"):
        op.execute(f"DROP TABLE {table}")
