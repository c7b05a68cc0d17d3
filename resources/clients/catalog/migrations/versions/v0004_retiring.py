"""What retiring a block asks: which documents' last good version lies in it, which contents point into it."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the indexes that housekeeping goes through every hour."""
    op.execute("CREATE INDEX document_indexes_by_confirmed ON document_indexes (collection, confirmed_arrival)")
    op.execute("CREATE INDEX contents_by_arrival ON contents (collection, number)")


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP INDEX contents_by_arrival")
    op.execute("DROP INDEX document_indexes_by_confirmed")
