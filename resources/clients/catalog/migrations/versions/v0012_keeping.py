"""Keeping house: when each block was looked at last, and since when a part file holds rows that count no more."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the columns, without rewriting a row; of the files that there are nobody knows, so they count from now."""
    op.execute("ALTER TABLE blocks ADD COLUMN kept_at timestamptz")
    op.execute("ALTER TABLE parts ADD COLUMN dead_at timestamptz DEFAULT now()")
    op.execute("ALTER TABLE parts ALTER COLUMN dead_at DROP DEFAULT")


def downgrade() -> None:
    """Take them away."""
    op.execute("ALTER TABLE parts DROP COLUMN dead_at")
    op.execute("ALTER TABLE blocks DROP COLUMN kept_at")
