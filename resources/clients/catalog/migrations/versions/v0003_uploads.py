"""Uploads: which arrival a file became, answers by Idempotency-Key, contents known by their hash."""

from alembic import op

revision = "0003"
down_revision = "0002"

_STATEMENTS = (
    """
    CREATE TABLE uploads (
        job_id UUID NOT NULL,
        collection TEXT COLLATE "C" NOT NULL,
        arrival BIGINT NOT NULL,
        source TEXT COLLATE "C" NOT NULL,
        key TEXT COLLATE "C" NOT NULL,
        document_id UUID NOT NULL,
        uploader TEXT NOT NULL,
        name TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        media_type TEXT NOT NULL,
        size_bytes BIGINT NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        PRIMARY KEY (job_id)
    )
    """,
    """
    CREATE INDEX uploads_of_key ON uploads (collection, source, key, arrival)
    """,
    """
    COMMENT ON TABLE uploads IS 'Which arrival an uploaded file became; the job''s state is the arrival''s.'
    """,
    """
    CREATE TABLE upload_requests (
        uploader TEXT COLLATE "C" NOT NULL,
        idempotency_key TEXT COLLATE "C" NOT NULL,
        request TEXT DEFAULT '' NOT NULL,
        answer JSONB,
        holder UUID NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (uploader, idempotency_key)
    )
    """,
    """
    CREATE INDEX upload_requests_expired ON upload_requests (expires_at)
    """,
    """
    COMMENT ON TABLE upload_requests IS
        'Answers by Idempotency-Key, kept for a day; without an answer the request is still being received.'
    """,
    """
    CREATE TABLE contents (
        collection TEXT COLLATE "C" NOT NULL,
        sha256 TEXT NOT NULL,
        number BIGINT NOT NULL,
        PRIMARY KEY (collection, sha256)
    )
    """,
    """
    COMMENT ON TABLE contents IS
        'The newest arrival whose stored rows were made from these bytes: another name for them embeds nothing.'
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("contents")
    op.drop_table("upload_requests")
    op.drop_table("uploads")
