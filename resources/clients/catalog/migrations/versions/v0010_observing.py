"""Observing: the trace in which an arrival was recorded, and counters of what became of arrivals."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column, without rewriting a row, and make the table."""
    op.execute("ALTER TABLE arrivals ADD COLUMN traceparent text")
    op.execute("""
    CREATE TABLE tallies (
        collection text COLLATE "C" NOT NULL, shard smallint NOT NULL, kind text NOT NULL,
        up_to_s double precision NOT NULL, arrivals bigint NOT NULL DEFAULT '0',
        seconds double precision NOT NULL DEFAULT '0', PRIMARY KEY (collection, shard, kind, up_to_s)
    )
    """)


def downgrade() -> None:
    """Take both away."""
    op.execute("DROP TABLE tallies")
    op.execute("ALTER TABLE arrivals DROP COLUMN traceparent")
