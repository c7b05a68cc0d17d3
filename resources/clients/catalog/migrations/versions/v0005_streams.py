"""Streams: the newest message of each key, dead letters, and what waits to be sent."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables."""
    op.execute("""
    CREATE TABLE messages (
        collection text COLLATE "C" NOT NULL, source text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
        topic text COLLATE "C" NOT NULL, incarnation integer NOT NULL, partition integer NOT NULL,
        record_offset bigint NOT NULL, timestamp_ms bigint NOT NULL, presence text NOT NULL, etag text NOT NULL,
        media_type text NOT NULL DEFAULT '', details text NOT NULL DEFAULT '', body bytea, size_bytes bigint NOT NULL,
        reading bigint NOT NULL DEFAULT '0', recorded_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (collection, source, key),
        CONSTRAINT message_presence_is_known CHECK (presence IN ('present', 'gone'))
    )
    """)
    op.execute("""
    CREATE TABLE dead_letters (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, collection text COLLATE "C" NOT NULL,
        source text COLLATE "C" NOT NULL, topic text COLLATE "C" NOT NULL, incarnation integer NOT NULL,
        partition integer NOT NULL, record_offset bigint NOT NULL, timestamp_ms bigint NOT NULL, key bytea, value bytea,
        headers jsonb NOT NULL, value_bytes bigint NOT NULL, kind text NOT NULL, reason text NOT NULL DEFAULT '',
        remedy text NOT NULL DEFAULT '', recorded_at timestamptz NOT NULL DEFAULT now(),
        replays integer NOT NULL DEFAULT 0, replayed_at timestamptz, settled_at timestamptz
    )
    """)
    op.execute("""
    CREATE UNIQUE INDEX dead_letters_of_place
    ON dead_letters (collection, source, topic, incarnation, partition, record_offset)
    """)
    op.execute("CREATE INDEX dead_letters_open ON dead_letters (collection, id) WHERE settled_at IS NULL")
    op.execute("""
    CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, collection text COLLATE "C" NOT NULL,
        topic text COLLATE "C" NOT NULL, key bytea, value bytea, headers jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """)
    op.execute("CREATE INDEX outbox_of_collection ON outbox (collection, id)")


def downgrade() -> None:
    """Drop them."""
    for table in ("outbox", "dead_letters", "messages"):
        op.execute(f"DROP TABLE {table}")
