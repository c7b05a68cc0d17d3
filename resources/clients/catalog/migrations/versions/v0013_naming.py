"""Naming the platform: whose backup a folder holds, and when its last one was taken."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the table, without its row: that of a backup may be loaded into it.

    It may be there: a restore by the program before, which does not know it, leaves it.
    """
    op.execute("""
        CREATE TABLE IF NOT EXISTS platform (
            is_this boolean NOT NULL PRIMARY KEY CONSTRAINT platform_is_one CHECK (is_this),
            id uuid NOT NULL,
            backed_up_at timestamptz,
            backed_up_to text
        )
    """)
    op.execute(
        "COMMENT ON TABLE platform IS"
        " 'One row, made when it is first asked for: which platform this catalog is of, over every restore;"
        " of which moment its last finished backup is, and where it lies.'"
    )


def downgrade() -> None:
    """Take it away."""
    op.execute("DROP TABLE platform")
