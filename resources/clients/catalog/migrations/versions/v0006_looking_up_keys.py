"""Looking up a key of a new collection: an index that cannot be mistaken for the primary key."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Let the index of URIs begin with an expression, so that no look-up by key is planned on it."""
    op.execute("DROP INDEX observations_by_uri")
    op.execute("CREATE INDEX observations_by_uri ON observations ((collection || ''), uri_start, document_id)")


def downgrade() -> None:
    """Let it begin with the column again."""
    op.execute("DROP INDEX observations_by_uri")
    op.execute("CREATE INDEX observations_by_uri ON observations (collection, uri_start, document_id)")
