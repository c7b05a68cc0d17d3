"""The tables of uploads: which arrival a file became, which requests were answered, which contents are known."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from resources.clients.catalog.schema.columns import BYTEWISE, METADATA, NOW

uploads = Table(
    "uploads",
    METADATA,
    Column("job_id", Uuid, primary_key=True),
    Column("collection", BYTEWISE, nullable=False),
    Column("arrival", BigInteger, nullable=False),
    Column("source", BYTEWISE, nullable=False),
    Column("key", BYTEWISE, nullable=False),
    Column("document_id", Uuid, nullable=False),
    Column("uploader", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Index("uploads_of_key", "collection", "source", "key", "arrival"),
    comment="Which arrival an uploaded file became; the job's state is the arrival's.",
)

upload_requests = Table(
    "upload_requests",
    METADATA,
    Column("uploader", BYTEWISE, primary_key=True),
    Column("idempotency_key", BYTEWISE, primary_key=True),
    Column("request", Text, nullable=False, server_default=""),
    Column("answer", JSONB),
    Column("holder", Uuid, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("upload_requests_expired", "expires_at"),
    comment="Answers by Idempotency-Key, kept for a day; without an answer the request is still being received.",
)

contents = Table(
    "contents",
    METADATA,
    Column("collection", BYTEWISE, primary_key=True),
    Column("sha256", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Index("contents_by_arrival", "collection", "number"),
    comment="The newest arrival whose stored rows were made from these bytes: another name for them embeds nothing.",
)
