"""Callers: keys of the query API, and what was done with them."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables."""
    op.execute("""
    CREATE TABLE api_keys (
        key_id text COLLATE "C" PRIMARY KEY, name text COLLATE "C" NOT NULL, secret_sha256 bytea NOT NULL,
        scopes text[] NOT NULL, collections text[], groups text[], namespace text COLLATE "C" NOT NULL,
        requests_per_minute integer, created_at timestamptz NOT NULL DEFAULT now(), expires_at timestamptz,
        revoked_at timestamptz
    )
    """)
    op.execute("CREATE INDEX api_keys_by_name ON api_keys (name, created_at)")
    op.execute("""
    CREATE TABLE audit (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(),
        request_id text NOT NULL DEFAULT '', key_id text NOT NULL DEFAULT '', key_name text NOT NULL DEFAULT '',
        action text NOT NULL DEFAULT '', collection text NOT NULL DEFAULT '', subject text NOT NULL DEFAULT '',
        status integer NOT NULL, duration_ms integer NOT NULL
    )
    """)
    op.execute("CREATE INDEX audit_by_time ON audit (at)")
    op.execute("CREATE INDEX audit_of_key ON audit (key_id, id)")


def downgrade() -> None:
    """Drop them."""
    for table in ("audit", "api_keys"):
        op.execute(f"DROP TABLE {table}")
