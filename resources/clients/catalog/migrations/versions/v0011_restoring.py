"""Restoring: where the claims of a collection's blocks begin to be counted, so that no run key is ever used twice."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column, without rewriting a row."""
    op.execute("ALTER TABLE collections ADD COLUMN first_claim bigint NOT NULL DEFAULT '0'")


def downgrade() -> None:
    """Take it away."""
    op.execute("ALTER TABLE collections DROP COLUMN first_claim")
